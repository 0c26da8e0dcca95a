import { isIP } from "node:net";
import { TLSSocket } from "node:tls";
import mysql, { type Connection, type ResultSetHeader, type SslOptions } from "mysql2";
import { ConnectionError, Sequelize } from "sequelize";
import { StartupError } from "../../lifecycle/startup-error.ts";
import type { DatabaseAddress, DatabaseTls } from "../address.ts";
import { text } from "../column.ts";
import { mysqlDialect } from "../dialects.ts";
import { mysqlError } from "../driver-errors.ts";
import { splitPlaceholders } from "../placeholders.ts";
import type { Row, SqlValue, ValueRow } from "../sql.ts";
import { StoreError } from "../store-error.ts";
import type { Engine, EngineOptions } from "./engine.ts";
import { type Driver, pooledEngine, useTls } from "./pooled.ts";

const sqlMode = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION";

/** MySQL 8.0.20 or newer, MariaDB 10.6 or newer, through mysql2. */
export async function openMysql(address: DatabaseAddress, options: EngineOptions): Promise<Engine> {
  const sequelize = new Sequelize({
    dialect: "mysql",
    dialectModule: mysql,
    host: address.host,
    port: address.port,
    username: address.user,
    password: address.password,
    database: address.database,
    logging: false,
    timezone: "+00:00",
    define: { charset: "utf8mb4" },
    pool: { max: options.poolSize, min: 0, acquire: options.statementTimeoutMs, idle: 60_000 },
    dialectOptions: {
      // Sequelize's own typeCast runs a function for every field of every row, ours too. The driver's defaults give
      // models the same values: exact int64, Date for DATETIME, text for DATE and DECIMAL.
      typeCast: true,
      dateStrings: ["DATE"],
      timezone: "+00:00",
      charset: "utf8mb4",
      supportBigNumbers: true,
      connectTimeout: options.statementTimeoutMs,
      // The server bounds prepared statements over all connections (max_prepared_stmt_count, 16382).
      maxPreparedStatements: 200,
      // The driver would look for placeholders in every text that has no values beside it.
      queryFormat: (sql: string, values: string[], timezone: string) =>
        isEmpty(values) ? sql : mysql.format(sql, values, false, timezone),
    },
  });
  // mysql2 checks names alone; it would hold the certificate of an address against "localhost".
  const isAddress = isIP(address.host) > 0;
  useTls(sequelize, options.tls && (() => withIdentity(options.tls?.(), !isAddress)));
  const settings = sessionSettings(options);
  sequelize.addHook("afterConnect", async (connection) => {
    const raw = connection as Connection;
    if (isAddress && options.tls?.().rejectUnauthorized) checkAddress(raw, address.host);
    for (const statement of settings) await command(raw, statement);
  });
  try {
    const version = await serverVersion(sequelize);
    refuseOld(version);
    return pooledEngine(sequelize, mysqlDriver(version));
  } catch (error) {
    await sequelize.close();
    throw error;
  }
}

/** Without `verifyIdentity` mysql2 takes a server with any name that an authority of ours vouches for. */
function withIdentity(tls: DatabaseTls | undefined, verifyIdentity: boolean): SslOptions {
  return { ...tls, verifyIdentity: verifyIdentity && tls?.rejectUnauthorized === true, minVersion: "TLSv1.2" };
}

/** Throws where the server's certificate is not for the address that was called. */
function checkAddress(connection: Connection, address: string): void {
  const socket: unknown = Reflect.get(connection, "stream");
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (certificate?.checkIP(address) !== undefined) return;
  connection.destroy();
  const cause = new Error(`the certificate of the database server is not for ${address}`);
  throw new ConnectionError(Object.assign(cause, { code: "ERR_TLS_CERT_ALTNAME_INVALID" }));
}

function isEmpty(values: string[] | undefined): boolean {
  return values === undefined || (Array.isArray(values) && values.length === 0);
}

/** The row alias of onDuplicateSet and SKIP LOCKED need MySQL 8.0.20 and MariaDB 10.6. */
function refuseOld(version: string): void {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  const number = major * 1_000_000 + minor * 1000 + patch;
  if (number >= (/mariadb/i.test(version) ? 10_006_000 : 8_000_020)) return;
  throw new StartupError(`the database server is ${version}`, "use MariaDB 10.6 or MySQL 8.0.20, or newer");
}

async function serverVersion(sequelize: Sequelize): Promise<string> {
  try {
    const connection = (await sequelize.connectionManager.getConnection({ type: "write" })) as Connection;
    const rows = await query(connection, "select version() as version");
    sequelize.connectionManager.releaseConnection(connection);
    return text((rows as Row[])[0]?.version);
  } catch (error) {
    throw mysqlError(error);
  }
}

/** Whatever the server's defaults are: strict, UTC (Sequelize sets the zone), bounded. */
function sessionSettings(options: EngineOptions): string[] {
  const lockSeconds = Math.max(1, Math.ceil(options.lockTimeoutMs / 1000));
  const milliseconds = Math.ceil(options.statementTimeoutMs);
  return [
    // MariaDB reads the /*M! comment and MySQL the /*!80000 one: each has its own name for the limit, and MySQL's
    // covers only SELECT.
    `set session sql_mode = '${sqlMode}', innodb_lock_wait_timeout = ${lockSeconds}, lock_wait_timeout = ${lockSeconds}` +
      ` /*M!100101 , max_statement_time = ${milliseconds / 1000} */ /*!80000 , max_execution_time = ${milliseconds} */`,
    "set session transaction isolation level read committed",
  ];
}

function mysqlDriver(version: string): Driver<Connection> {
  return {
    dialect: mysqlDialect(version),
    begin: "start transaction",
    command,
    all: async (connection, sql, params, once) => {
      const rows = once ? await query(connection, inline(sql, params)) : await execute(connection, sql, params);
      return Array.isArray(rows) ? (rows as Row[]) : [];
    },
    values: async (connection, sql, params, once) => {
      const rows = once
        ? await query(connection, inline(sql, params), true)
        : await execute(connection, sql, params, true);
      return Array.isArray(rows) ? (rows as ValueRow[]) : [];
    },
    run: async (connection, sql, params, once) => {
      const result = once ? await query(connection, inline(sql, params)) : await execute(connection, sql, params);
      const { affectedRows, insertId } = result as ResultSetHeader;
      return { affected: affectedRows, told: insertId };
    },
    interruption: (connection) => ({ sql: `kill query ${connection.threadId}`, params: [] }),
    error: mysqlError,
    locked: async (connection, waitMs, work) => {
      // Names of GET_LOCK are the server's, not the database's.
      const lock = "concat('ordermesh.migrate.', left(sha2(database(), 256), 32))";
      await command(connection, "set session lock_wait_timeout = 60, innodb_lock_wait_timeout = 60");
      await command(connection, "set session /*M!100101 max_statement_time = 0 */ /*!80000 max_execution_time = 0 */");
      const rows = await query(connection, `select get_lock(${lock}, ${Math.ceil(waitMs / 1000)}) as got`);
      if ((rows as Row[])[0]?.got !== 1) throw new StoreError("conflict");
      try {
        return await work();
      } finally {
        // The lock and the widened limits go with the connection.
        connection.destroy();
      }
    },
  };
}

async function command(connection: Connection, sql: string): Promise<void> {
  await query(connection, sql);
}

function query(connection: Connection, sql: string, rowsAsArray = false): Promise<unknown> {
  return new Promise((resolve, reject) => {
    connection.query({ sql, dateStrings: true, rowsAsArray }, (error, result) =>
      error ? reject(mysqlError(error)) : resolve(result),
    );
  });
}

function execute(
  connection: Connection,
  sql: string,
  params: readonly SqlValue[],
  rowsAsArray = false,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    connection.execute({ sql, values: params.map(bound), dateStrings: true, rowsAsArray }, (error, result) =>
      error ? reject(mysqlError(error)) : resolve(result),
    );
  });
}

/** mysql2 binds every number as DOUBLE, which compares int64 columns inexactly and LIMIT refuses. */
function bound(value: SqlValue): unknown {
  if (typeof value === "bigint" || Number.isInteger(value)) return int64(value);
  if (typeof value === "number") return finite(value);
  return value instanceof Uint8Array ? buffer(value) : value;
}

/** The statement with its values written in, for the text protocol: no prepare round trip, no statement kept. */
function inline(sql: string, params: readonly SqlValue[]): string {
  if (params.length === 0) return sql;
  const pieces = piecesOf(sql);
  let whole = pieces[0] ?? "";
  for (let index = 1; index < pieces.length; index++) whole += literal(params[index - 1] ?? null) + pieces[index];
  return whole;
}

/** Of the latest texts: full batches are of few sizes. */
const knownPieces = new Map<string, readonly string[]>();
const mostKnownPieces = 16;

function piecesOf(sql: string): readonly string[] {
  const known = knownPieces.get(sql);
  if (known !== undefined) return known;
  const pieces = splitPlaceholders(sql);
  if (knownPieces.size === mostKnownPieces) knownPieces.clear();
  knownPieces.set(sql, pieces);
  return pieces;
}

function literal(value: SqlValue): string {
  if (value === null) return "null";
  if (typeof value === "number") return String(finite(value));
  if (typeof value === "bigint") return String(value);
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value !== "string") return `x'${buffer(value).toString("hex")}'`;
  // Safe with the mode set above (no NO_BACKSLASH_ESCAPES) and UTF-8.
  return plain.test(value) ? `'${value}'` : mysql.escape(value);
}

/** Texts in which nothing is to be escaped: nearly all that programs make. */
const plain = /^[\w :.+@/-]*$/;

function int64(value: SqlValue): unknown {
  try {
    return mysql.TypedParameter.LONGLONG(value);
  } catch (error) {
    throw new StoreError("out-of-range", { cause: error });
  }
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new StoreError("invalid-value", { cause: new TypeError(`${value} is no SQL number`) });
}

function buffer(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
