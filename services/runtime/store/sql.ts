/** `mysql` stands for MySQL and MariaDB. */
export type DialectName = "sqlite" | "mysql" | "postgres";

/** Times are bound as epoch milliseconds wrapped by `Dialect.time`; bigint binds as a 64-bit integer. */
export type SqlValue = string | number | bigint | boolean | null | Uint8Array;

/** A row as the driver gave it: read its columns with the functions of `column.ts`, never by cast. */
export type Row = Readonly<Record<string, unknown>>;

/** Runs statements with `?` placeholders on one connection, whatever the database. */
export interface Sql {
  readonly dialect: Dialect;
  all(sql: string, params?: readonly SqlValue[]): Promise<Row[]>;
  /** `affected`: rows inserted, deleted or really changed (a no-op upsert counts 0 on every database). */
  run(sql: string, params?: readonly SqlValue[]): Promise<{ affected: number }>;
}

/** The few places where SQL differs between databases; everything else is written once. */
export interface Dialect {
  readonly name: DialectName;
  /** The database clock at millisecond precision, as an expression. */
  readonly now: string;
  /** ` for update`, or "" where one writer holds the database anyway. */
  readonly forUpdate: string;
  /** ` for update skip locked`, or "". */
  readonly skipLocked: string;
  /** Epoch milliseconds as this database's time literal, for a parameter. */
  time(epochMs: number): string;
  /** `expr` shifted by a number of milliseconds given as a `?` parameter or literal. */
  addMs(expr: string, ms: string): string;
  /** Tail that makes an INSERT skip rows whose key (`columns`) exists, under strict mode: affected 0, no violation hidden. */
  onDuplicateSkip(columns: readonly string[]): string;
  /** Tail that makes an INSERT update `set` columns to the new row's values when its key exists. */
  onDuplicateSet(columns: readonly string[], set: readonly string[]): string;
}
