import pg from "pg";
import { Sequelize } from "sequelize";
import type { DatabaseAddress } from "../address.ts";
import { postgresDialect } from "../dialects.ts";
import { postgresError } from "../driver-errors.ts";
import { numberPlaceholders } from "../placeholders.ts";
import type { Row, SqlValue, ValueRow } from "../sql.ts";
import type { Engine, EngineOptions } from "./engine.ts";
import { type Driver, pooledEngine, useTls } from "./pooled.ts";

/** PostgreSQL 13 or newer, through pg. */
export async function openPostgres(address: DatabaseAddress, options: EngineOptions): Promise<Engine> {
  const sequelize = new Sequelize({
    dialect: "postgres",
    dialectModule: pg,
    host: address.host,
    port: address.port,
    username: address.user,
    password: address.password,
    database: address.database,
    logging: false,
    // Sequelize sets the session's zone from this, whatever the server's is.
    timezone: "+00:00",
    pool: { max: options.poolSize, min: 0, acquire: options.statementTimeoutMs, idle: 60_000 },
    dialectOptions: {
      application_name: options.applicationName,
      statement_timeout: options.statementTimeoutMs,
      lock_timeout: options.lockTimeoutMs,
      idle_in_transaction_session_timeout: options.statementTimeoutMs * 3,
      connectionTimeoutMillis: options.statementTimeoutMs,
      keepAlive: true,
    },
  });
  useTls(sequelize, options.tls);
  try {
    const connection = await sequelize.connectionManager.getConnection({ type: "write" });
    sequelize.connectionManager.releaseConnection(connection);
  } catch (error) {
    await sequelize.close();
    throw postgresError(error);
  }
  return pooledEngine(sequelize, postgresDriver());
}

function postgresDriver(): Driver<pg.Client> {
  return {
    dialect: postgresDialect(),
    begin: "begin isolation level read committed",
    command: async (connection, sql) => {
      await submit(connection, { text: sql });
    },
    all: async (connection, sql, params, once) => (await submit(connection, statement(sql, params, once))).rows,
    values: async (connection, sql, params, once) =>
      (await submit<ValueRow>(connection, { ...statement(sql, params, once), rowMode: "array" })).rows,
    run: async (connection, sql, params, once) => ({
      affected: (await submit(connection, statement(sql, params, once))).rowCount ?? 0,
    }),
    interruption: (connection) => {
      const pid: unknown = Reflect.get(connection, "processID");
      return typeof pid === "number" ? { sql: "select pg_cancel_backend(?)", params: [pid] } : undefined;
    },
    error: postgresError,
    locked: async (connection, waitMs, work) => {
      await submit(connection, { text: "begin isolation level read committed" });
      try {
        await submit(connection, {
          text: `set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0;
               set local lock_timeout = ${Math.ceil(waitMs)}`,
        });
        // 0x6f72646d is "ordm"; advisory locks are per database.
        await submit(connection, { text: "select pg_advisory_xact_lock(x'6f72646d'::int)" });
        const result = await work();
        await submit(connection, { text: "commit" });
        return result;
      } catch (error) {
        await submit(connection, { text: "rollback" }).catch(() => undefined);
        throw error;
      }
    },
  };
}

/** One name for each statement text; a connection prepares it on first use. */
const prepared = new Map<string, { name: string; text: string }>();
const mostPrepared = 1000;

function statement(sql: string, params: readonly SqlValue[], once: boolean): pg.QueryConfig {
  const known = prepared.get(sql);
  if (known !== undefined) return { ...known, values: params as SqlValue[], types };
  const text = numberPlaceholders(sql);
  if (once || prepared.size >= mostPrepared) return { text, values: params as SqlValue[], types };
  const entry = { name: `s${prepared.size}`, text };
  prepared.set(sql, entry);
  return { ...entry, values: params as SqlValue[], types };
}

function submit<R extends Row | ValueRow = Row>(
  connection: pg.Client,
  config: pg.QueryConfig & { rowMode?: "array" },
): Promise<{ rows: R[]; rowCount: number | null }> {
  return new Promise((resolve, reject) => {
    connection.query(config, (error: Error | undefined, result: { rows: R[]; rowCount: number | null }) =>
      error ? reject(postgresError(error)) : resolve(result),
    );
  });
}

const boolOid = 16;
const byteaOid = 17;
const int2Oid = 21;
const int4Oid = 23;
const oidOid = 26;
const float4Oid = 700;
const float8Oid = 701;

const parsers = new Map<number, (value: string) => unknown>([
  [boolOid, (value) => value === "t"],
  // The hexadecimal form, PostgreSQL's default since 9.0: \x6162.
  [byteaOid, (value) => Buffer.from(value.slice(2), "hex")],
  [int2Oid, Number],
  [int4Oid, Number],
  [oidOid, Number],
  [float4Oid, Number],
  [float8Oid, Number],
]);

/** int64, decimals and times stay text: `column.ts` reads them. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number) => parsers.get(oid) ?? asText) as pg.CustomTypesConfig["getTypeParser"],
};

function asText(value: string): string {
  return value;
}
