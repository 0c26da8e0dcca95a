import { DatabaseSync, type StatementSync } from "node:sqlite";
import { StartupError, toStartupError } from "../lifecycle/startup-error.ts";

const schemaVersion = 1;

const schema = `
  create table streams (
    name text primary key,
    subjects text not null,
    max_age_ms integer not null,
    dedupe_window_ms integer not null,
    last_sequence integer not null default 0
  ) strict;
  create table messages (
    stream text not null,
    sequence integer not null,
    subject text not null,
    id text not null,
    stored_at integer not null,
    headers text not null,
    data blob not null,
    primary key (stream, sequence)
  ) strict;
  create index messages_id on messages (stream, id);
  create table consumers (
    id integer primary key,
    stream text not null,
    durable text not null,
    cursor integer not null default 0,
    unique (stream, durable)
  ) strict;
  -- Delivered and not settled. While held it is in a handler's hands; otherwise it is due at due_at.
  create table pending (
    consumer integer not null,
    sequence integer not null,
    attempts integer not null,
    alone integer not null,
    held integer not null,
    due_at integer not null,
    primary key (consumer, sequence)
  ) strict, without rowid;
  create index pending_due on pending (consumer, held, due_at);
`;

/** About how many rows one turn of the event loop writes before it lets others run. */
const rowsPerTurn = 500;

interface Work {
  readonly rows: number;
  readonly run: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The file of the embedded bus: SQLite in WAL mode, synced at every commit, so that what was acknowledged survives
 * SIGKILL and power loss. One process owns it. SQLite blocks the event loop, therefore work is done in bounded turns.
 */
export class EmbeddedLog {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #queue: Work[] = [];
  #scheduled = false;
  #closed = false;

  /** Throws StartupError when another process has the file, when it is newer than this code or when it is no such file. */
  constructor(file: string) {
    this.#db = new DatabaseSync(file, { timeout: 0 });
    try {
      this.#db.exec("pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = full;");
      this.#db.exec("begin immediate");
      const version = this.statement("pragma user_version").get()?.user_version;
      if (version === 0) this.#db.exec(`${schema}; pragma user_version = ${schemaVersion}`);
      else if (version !== schemaVersion) throw newer(file, version);
      this.#db.exec("commit");
    } catch (error) {
      this.#db.close();
      throw toStartupError(error, `open the event bus ${file}`) ?? error;
    }
  }

  /** Prepared once. */
  statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /**
   * Runs `work` in a transaction that is shared with what else arrives in this turn, and resolves with its result
   * once that is on the disk. It may run twice, so it changes nothing but the database. `rows`: about how many it writes.
   */
  commit<T>(rows: number, run: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new Error("the bus is closed"));
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ rows, run, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** Commits what is queued, then closes the file. */
  close(): void {
    while (this.#queue.length > 0) this.#turn();
    this.#closed = true;
    this.#statements.clear();
    this.#db.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#closed) return;
      this.#turn();
      if (this.#queue.length > 0) this.#schedule();
    });
  }

  #turn(): void {
    let rows = 0;
    let count = 0;
    for (const work of this.#queue) {
      if (count > 0 && rows + work.rows > rowsPerTurn) break;
      rows += work.rows;
      count++;
    }
    const group = this.#queue.splice(0, count);
    if (this.#transact(group) || group.length === 1) return;
    // One of them failed and took the others along: each on its own.
    for (const work of group) this.#transact([work]);
  }

  /** False when the group failed; a group of one is then told why. */
  #transact(group: readonly Work[]): boolean {
    const results: unknown[] = [];
    try {
      this.#db.exec("begin immediate");
      for (const work of group) results.push(work.run());
      this.#db.exec("commit");
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("rollback");
      if (group.length === 1) group[0]?.reject(error);
      return false;
    }
    group.forEach((work, i) => {
      work.resolve(results[i]);
    });
    return true;
  }
}

function newer(file: string, version: unknown): StartupError {
  return new StartupError(
    `the event bus ${file} is newer than this program (version ${version}, not ${schemaVersion})`,
    "start the newer release, or set DATA_DIR to another folder",
  );
}
