/** `mysql` stands for MySQL and MariaDB. */
export type DialectName = "sqlite" | "mysql" | "postgres";

/** Times are bound as text made by `Dialect.time`; integers and bigints bind as 64-bit integers. */
export type SqlValue = string | number | bigint | boolean | null | Uint8Array;

/** A row as the driver gave it: read its columns with the functions of `column.ts`, never by cast. */
export type Row = Readonly<Record<string, unknown>>;

/** A row as the values of its columns, in the order of the select. */
export type ValueRow = readonly unknown[];

export interface StatementOptions {
  /** The text varies from call to call (such as a multi-row INSERT): keep no prepared statement for it. */
  readonly once?: boolean;
}

export interface RunResult {
  /**
   * Rows inserted or deleted, and rows that an UPDATE really changed. MySQL counts no row whose values stay the same,
   * the others do: let an UPDATE whose count decides something change a value. A row passed over by `onDuplicateSkip`
   * counts 0, one set by `onDuplicateSet` 1 or (MySQL) 2.
   */
  readonly affected: number;
  /** MySQL and MariaDB: what the statement gave to `last_insert_id(...)`. The others tell values with `returning`. */
  readonly told?: number;
}

/**
 * Runs statements with `?` placeholders on one connection, whatever the database. Failures are `StoreError`s.
 * On PostgreSQL a failed statement spoils its transaction: let the error end it, and run it again if need be.
 */
export interface Sql {
  readonly dialect: Dialect;
  all(sql: string, params?: readonly SqlValue[], options?: StatementOptions): Promise<Row[]>;
  /** As `all` with rows as arrays: costs less where a statement reads many columns of many rows. */
  values(sql: string, params?: readonly SqlValue[], options?: StatementOptions): Promise<ValueRow[]>;
  run(sql: string, params?: readonly SqlValue[], options?: StatementOptions): Promise<RunResult>;
}

/** The few places where SQL differs between databases; everything else is written once. */
export interface Dialect {
  readonly name: DialectName;
  /** What really answers: MySQL and MariaDB differ in collations and hints. */
  readonly product: "sqlite" | "mysql" | "mariadb" | "postgres";
  /**
   * The database clock at the start of the statement, at millisecond precision, as an expression. Not of the
   * transaction: after a wait for a lock a rule must not compare with a time before the wait.
   */
  readonly now: string;
  /** The same at the moment when it is evaluated: for a condition on a row whose lock the statement itself waits for. */
  readonly clock: string;
  /** ` for update`, or "" where one writer holds the database anyway. */
  readonly forUpdate: string;
  /** ` for update skip locked`, or "". */
  readonly skipLocked: string;
  /** Epoch milliseconds as this database's time literal, for a parameter. Throws RangeError outside years 1000 to 9999. */
  time(epochMs: number): string;
  /** `expr` shifted by a number of milliseconds given as a `?` parameter or literal. */
  addMs(expr: string, ms: string): string;
  /**
   * Tail that makes an INSERT into `table` skip rows whose key (`columns`, the first of them NOT NULL) exists, under strict mode:
   * affected 0, and a row that violates any other constraint still fails.
   */
  onDuplicateSkip(table: string, columns: readonly string[]): string;
  /** Tail that makes an INSERT update `set` columns to the new row's values when its key exists. */
  onDuplicateSet(columns: readonly string[], set: readonly string[]): string;
}
