import { type Sequelize, Transaction } from "sequelize";
import type { Dialect, Row, RunResult, Sql, SqlValue, ValueRow } from "../sql.ts";
import { StoreError } from "../store-error.ts";
import type { Engine, MigrationSession, Session } from "./engine.ts";

/** A driver of a database server, on one raw connection of Sequelize's pool. Its errors are `StoreError`s. */
export interface Driver<C extends object> {
  readonly dialect: Dialect;
  /** Starts a READ COMMITTED transaction. */
  readonly begin: string;
  command(connection: C, text: string): Promise<void>;
  all(connection: C, sql: string, params: readonly SqlValue[], once: boolean): Promise<Row[]>;
  values(connection: C, sql: string, params: readonly SqlValue[], once: boolean): Promise<ValueRow[]>;
  run(connection: C, sql: string, params: readonly SqlValue[], once: boolean): Promise<RunResult>;
  /** The command, for another connection, that cancels what `connection` runs. */
  interruption(connection: C): { sql: string; params: readonly SqlValue[] } | undefined;
  /** Maps failures to get a connection. */
  error(error: unknown): StoreError;
  /** Holds the migration lock while `work` runs on this connection. */
  locked<T>(connection: C, waitMs: number, work: () => Promise<T>): Promise<T>;
}

/**
 * Every new connection uses the TLS options of its moment: certificates are rotated while the pool lives. The object is new
 * each time, too: mysql2 resumes sessions between connections with the same one, and a resumed session shows no certificate
 * whose address could be checked.
 */
export function useTls(sequelize: Sequelize, tls: (() => object) | undefined): void {
  if (tls === undefined) return;
  sequelize.addHook("beforeConnect", (config) => {
    Object.assign(config, { dialectOptions: { ...config.dialectOptions, ssl: { ...tls() } } });
  });
}

/** Borrows Sequelize's connections: one pool for models and hot statements. */
export function pooledEngine<C extends object>(sequelize: Sequelize, driver: Driver<C>): Engine {
  const manager = sequelize.connectionManager;

  async function acquire(attemptsLeft = 2): Promise<C> {
    try {
      return (await manager.getConnection({ type: "write" })) as C;
    } catch (thrown) {
      const error = driver.error(thrown);
      // After an outage the pool hands the failure of an earlier attempt to whoever asks next.
      if (error.connectionLost && attemptsLeft > 1) return await acquire(attemptsLeft - 1);
      throw error;
    }
  }

  async function give(connection: C, broken: boolean): Promise<void> {
    if (!broken) return manager.releaseConnection(connection);
    // A lost connection may fail to say goodbye; it is gone either way.
    await manager.destroyConnection(connection).catch(() => undefined);
  }

  async function withConnection<T>(work: (connection: C) => Promise<T>): Promise<T> {
    const connection = await acquire();
    let broken = true;
    try {
      const result = await work(connection);
      broken = false;
      return result;
    } catch (error) {
      broken = !(error instanceof StoreError) || error.connectionLost;
      throw error;
    } finally {
      await give(connection, broken);
    }
  }

  const read: Sql = {
    dialect: driver.dialect,
    all: (sql, params = [], options) => withConnection((c) => driver.all(c, sql, params, options?.once ?? false)),
    values: (sql, params = [], options) => withConnection((c) => driver.values(c, sql, params, options?.once ?? false)),
    run: (sql, params = [], options) => withConnection((c) => driver.run(c, sql, params, options?.once ?? false)),
  };

  return {
    dialect: driver.dialect,
    sequelize,
    read,
    begin: async () => {
      const connection = await acquire();
      try {
        await driver.command(connection, driver.begin);
      } catch (error) {
        await give(connection, true);
        throw error;
      }
      return new PooledSession(driver, connection, (broken) => give(connection, broken), read);
    },
    migrate: (waitMs, work) =>
      withConnection((connection) =>
        driver.locked(connection, waitMs, () => work(migrationSession(sequelize, driver, connection))),
      ),
    close: () => sequelize.close(),
  };
}

class PooledSession<C extends object> implements Session {
  #broken = false;
  #ended = false;
  readonly #driver: Driver<C>;
  readonly #connection: C;
  readonly #give: (broken: boolean) => Promise<void>;
  readonly #others: Sql;

  constructor(driver: Driver<C>, connection: C, give: (broken: boolean) => Promise<void>, others: Sql) {
    this.#driver = driver;
    this.#connection = connection;
    this.#give = give;
    this.#others = others;
  }

  all(sql: string, params: readonly SqlValue[] = [], options?: { once?: boolean }): Promise<Row[]> {
    return this.#watch(this.#driver.all(this.#connection, sql, params, options?.once ?? false));
  }

  values(sql: string, params: readonly SqlValue[] = [], options?: { once?: boolean }): Promise<ValueRow[]> {
    return this.#watch(this.#driver.values(this.#connection, sql, params, options?.once ?? false));
  }

  run(sql: string, params: readonly SqlValue[] = [], options?: { once?: boolean }): Promise<RunResult> {
    return this.#watch(this.#driver.run(this.#connection, sql, params, options?.once ?? false));
  }

  async commit(): Promise<void> {
    this.#ended = true;
    try {
      await this.#watch(this.#driver.command(this.#connection, "commit"));
    } catch (error) {
      this.#broken = true;
      throw error;
    } finally {
      await this.#give(this.#broken);
    }
  }

  async rollback(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#broken) {
      try {
        await this.#driver.command(this.#connection, "rollback");
      } catch {
        this.#broken = true;
      }
    }
    await this.#give(this.#broken);
  }

  interrupt(): void {
    if (this.#broken) return;
    // The order to cancel may arrive late and hit whatever runs then: this connection must not serve another caller.
    this.#broken = true;
    const order = this.#driver.interruption(this.#connection);
    if (order !== undefined) this.#others.all(order.sql, order.params).catch(() => undefined);
  }

  async #watch<T>(statement: Promise<T>): Promise<T> {
    try {
      return await statement;
    } catch (error) {
      if (error instanceof StoreError && error.connectionLost) this.#broken = true;
      throw error;
    }
  }
}

function migrationSession<C extends object>(sequelize: Sequelize, driver: Driver<C>, connection: C): MigrationSession {
  const transaction = new Transaction(sequelize, {});
  // Sequelize runs a query that names a transaction on that transaction's `connection`.
  Object.assign(transaction, { connection });
  return {
    transaction,
    sql: {
      dialect: driver.dialect,
      all: (sql, params = []) => driver.all(connection, sql, params, true),
      values: (sql, params = []) => driver.values(connection, sql, params, true),
      run: (sql, params = []) => driver.run(connection, sql, params, true),
    },
  };
}
