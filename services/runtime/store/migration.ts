import type { QueryInterface, Transaction } from "sequelize";
import type { ColumnTypes } from "./ddl.ts";
import type { Dialect, Sql } from "./sql.ts";

/** What a migration works with; everything runs on the connection that holds the migration lock. */
export interface MigrationContext {
  readonly sql: Sql;
  readonly dialect: Dialect;
  readonly types: ColumnTypes;
  /** `createTable` of `ddl.ts` on `sql`: strict on every database. */
  createTable(name: string, body: string): Promise<void>;
  /** `addColumn` of `ddl.ts` on `sql`. */
  addColumn(table: string, definition: string): Promise<void>;
  /** Sequelize's; pass `{ transaction }` with every call, or it waits for the lock that this migration holds. */
  readonly queryInterface: QueryInterface;
  readonly transaction: Transaction;
}

/** One step of a service's schema. Steps only expand; what an older release still reads is dropped a release later. */
export interface Migration {
  /** `<nnnn>-<what>`, unique in the service; never changed once released. */
  readonly name: string;
  up(context: MigrationContext): Promise<void>;
  down(context: MigrationContext): Promise<void>;
}
