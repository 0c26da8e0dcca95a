import { timeMs } from "./column.ts";
import type { Session } from "./engines/engine.ts";
import type { ClaimState, IdempotencyAnswer, IdempotencyClaim, InFlight } from "./idempotency.ts";
import { IdempotencyKeys } from "./idempotency-keys.ts";
import { markHandled } from "./inbox.ts";
import { type StoredEvent, writeOutbox } from "./outbox-table.ts";
import type { SharedTables } from "./shared-tables.ts";
import type { Dialect, Row, RunResult, SqlValue, StatementOptions, ValueRow } from "./sql.ts";
import { cancelled } from "./store-error.ts";
import type { OutboxEvent, UnitOfWork } from "./unit-of-work.ts";

export interface UnitContext {
  readonly dialect: Dialect;
  readonly tables: SharedTables;
  readonly inFlight: InFlight;
}

/** The unit of work of one attempt of a transaction. `transact.ts` begins and ends it. */
export class ActiveUnit implements UnitOfWork {
  readonly dialect: Dialect;
  readonly actions: (() => void)[] = [];
  readonly #session: Session;
  readonly #tables: SharedTables;
  readonly #signal: AbortSignal | undefined;
  readonly #keys: IdempotencyKeys;
  #events: OutboxEvent[] = [];
  #wrote = false;
  /** Those of the events written whose numbers the database told. */
  readonly #stored: StoredEvent[] = [];
  #now: Promise<number> | undefined;
  #running = 0;
  #over = false;

  constructor(session: Session, context: UnitContext, signal: AbortSignal | undefined) {
    this.dialect = context.dialect;
    this.#session = session;
    this.#tables = context.tables;
    this.#signal = signal;
    this.#keys = new IdempotencyKeys(this, context.tables.idempotency, context.inFlight);
    signal?.addEventListener("abort", this.#interrupt);
  }

  all(sql: string, params?: readonly SqlValue[], options?: StatementOptions): Promise<Row[]> {
    return this.#guarded(() => this.#session.all(sql, params, options));
  }

  values(sql: string, params?: readonly SqlValue[], options?: StatementOptions): Promise<ValueRow[]> {
    return this.#guarded(() => this.#session.values(sql, params, options));
  }

  run(sql: string, params?: readonly SqlValue[], options?: StatementOptions): Promise<RunResult> {
    return this.#guarded(() => this.#session.run(sql, params, options));
  }

  now(): Promise<number> {
    this.#now ??= this.all(`select ${this.dialect.now} as now`).then((rows) => timeMs(rows[0]?.now));
    return this.#now;
  }

  emit(...events: OutboxEvent[]): void {
    this.#events.push(...events);
  }

  inbox(consumer: string, messageIds: readonly string[]): Promise<ReadonlySet<string>> {
    return markHandled(this, this.#tables.inbox, consumer, messageIds);
  }

  claimAll(claims: readonly IdempotencyClaim[]): Promise<readonly ClaimState[]> {
    return this.#keys.claimAll(claims);
  }

  recordAll(answers: readonly IdempotencyAnswer[]): void {
    this.#keys.recordAll(answers);
  }

  afterCommit(action: () => void): void {
    this.actions.push(action);
  }

  async writeEvents(): Promise<void> {
    const events = this.#events;
    if (events.length === 0) return;
    this.#events = [];
    this.#stored.push(...(await writeOutbox(this, this.#tables.outbox, events)));
    this.#wrote = true;
  }

  /** Writes what was collected; the commit follows. Returns the events that leave with it, or undefined. */
  async flush(): Promise<readonly StoredEvent[] | undefined> {
    await this.#keys.flush();
    await this.writeEvents();
    return this.#wrote ? this.#stored : undefined;
  }

  /** Statements are refused from now on, and the signal has no effect any more. */
  end(): void {
    this.#over = true;
    this.#signal?.removeEventListener("abort", this.#interrupt);
  }

  /** After the transaction, whatever became of it. */
  leave(): void {
    this.end();
    this.#keys.leave();
  }

  readonly #interrupt = (): void => {
    if (this.#running > 0) this.#session.interrupt();
  };

  async #guarded<T>(statement: () => Promise<T>): Promise<T> {
    if (this.#over) throw new Error("the unit of work is over: its statements must be awaited before it returns");
    if (this.#signal?.aborted) throw cancelled(this.#signal);
    this.#running++;
    try {
      return await statement();
    } catch (error) {
      throw this.#signal?.aborted ? cancelled(this.#signal) : error;
    } finally {
      this.#running--;
    }
  }
}
