import { createHash, randomBytes } from "node:crypto";
import { bytesOrNull, text, timeMs } from "./column.ts";
import type { Session } from "./engines/engine.ts";
import { uuidv7 } from "./id.ts";
import {
  type ClaimState,
  claimId,
  type IdempotencyAnswer,
  type IdempotencyClaim,
  type InFlight,
} from "./idempotency.ts";
import { inList, longestInList } from "./in-list.ts";
import { insertRows } from "./insert.ts";
import { longestName, type SharedTables } from "./shared-tables.ts";
import type { Dialect, Row, SqlValue, StatementOptions } from "./sql.ts";
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
  readonly #session: Session;
  readonly #context: UnitContext;
  readonly #signal: AbortSignal | undefined;
  readonly #events: OutboxEvent[] = [];
  readonly #actions: (() => void)[] = [];
  /** Claims of this unit that are new, by id; removed when answered. */
  readonly #claims = new Map<string, IdempotencyClaim>();
  readonly #answers: { id: string; fingerprint: string; answer: Uint8Array }[] = [];
  readonly #entered: string[] = [];
  #now: Promise<number> | undefined;
  #running = 0;
  #over = false;

  constructor(session: Session, context: UnitContext, signal: AbortSignal | undefined) {
    this.dialect = context.dialect;
    this.#session = session;
    this.#context = context;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#interrupt);
  }

  all(sql: string, params?: readonly SqlValue[], options?: StatementOptions): Promise<Row[]> {
    return this.#guarded(() => this.#session.all(sql, params, options));
  }

  run(sql: string, params?: readonly SqlValue[], options?: StatementOptions): Promise<{ affected: number }> {
    return this.#guarded(() => this.#session.run(sql, params, options));
  }

  now(): Promise<number> {
    this.#now ??= this.all(`select ${this.dialect.now} as now`).then((rows) => timeMs(rows[0]?.now));
    return this.#now;
  }

  emit(...events: OutboxEvent[]): void {
    this.#events.push(...events);
  }

  afterCommit(action: () => void): void {
    this.#actions.push(action);
  }

  async inbox(consumer: string, messageIds: readonly string[]): Promise<ReadonlySet<string>> {
    const ids = new Map(messageIds.map((id) => [storedMessageId(id), id]));
    const table = this.#context.tables.inbox;
    const unit = randomBytes(8).readBigInt64BE();
    const rows = [...ids.keys()].sort().map((id) => [consumer, id, unit]);
    const inserted = await insertRows(
      this,
      table,
      ["consumer", "message_id", "unit", { name: "handled_at", expression: this.dialect.now }],
      rows,
      this.dialect.onDuplicateSkip(["consumer", "message_id"]),
    );
    if (inserted === ids.size) return new Set(ids.values());
    const fresh = new Set<string>();
    for (const part of parts([...ids.keys()])) {
      const { list, params } = inList(part);
      const statement = `select message_id from ${table} where consumer = ? and message_id in ${list} and unit = ?`;
      for (const row of await this.all(statement, [consumer, ...params, unit])) {
        const id = ids.get(text(row.message_id));
        if (id !== undefined) fresh.add(id);
      }
    }
    return fresh;
  }

  async claimAll(claims: readonly IdempotencyClaim[]): Promise<readonly ClaimState[]> {
    const states: ClaimState[] = new Array(claims.length);
    const asked = new Map<string, { index: number; claim: IdempotencyClaim }>();
    claims.forEach((claim, index) => {
      const id = claimId(claim);
      const known = this.#context.inFlight.enter(id, claim.fingerprint);
      if (known !== undefined) {
        states[index] = known;
        return;
      }
      this.#entered.push(id);
      asked.set(id, { index, claim });
    });
    if (asked.size === 0) return states;
    const table = this.#context.tables.idempotency;
    // In one order everywhere, so that two transactions with the same keys wait for each other and do not deadlock.
    const ids = [...asked.keys()].sort();
    const inserted = await insertRows(
      this,
      table,
      ["id", "fingerprint", { name: "created_at", expression: this.dialect.now }],
      ids.map((id) => [id, asked.get(id)?.claim.fingerprint ?? ""]),
      this.dialect.onDuplicateSkip(["id"]),
    );
    if (inserted < ids.length) {
      for (const part of parts(ids)) {
        const { list, params } = inList(part);
        for (const row of await this.all(`select id, fingerprint, answer from ${table} where id in ${list}`, params)) {
          const entry = asked.get(text(row.id));
          const answer = bytesOrNull(row.answer);
          // Committed rows have an answer; one without is the row just inserted.
          if (entry === undefined || answer === null) continue;
          const same = text(row.fingerprint) === entry.claim.fingerprint;
          states[entry.index] = same ? { kind: "finished", answer } : { kind: "reused" };
        }
      }
    }
    for (const [id, { index, claim }] of asked) {
      if (states[index] !== undefined) continue;
      states[index] = { kind: "new" };
      this.#claims.set(id, claim);
    }
    return states;
  }

  recordAll(answers: readonly IdempotencyAnswer[]): void {
    for (const { claim, answer } of answers) {
      const id = claimId(claim);
      if (!this.#claims.delete(id)) throw new Error("an answer needs a claim of this unit of work that was new");
      this.#answers.push({ id, fingerprint: claim.fingerprint, answer });
    }
  }

  /** Writes what was collected; the commit follows. Returns whether there are events. */
  async flush(): Promise<boolean> {
    await this.#flushAnswers();
    if (this.#events.length > 0) {
      await insertRows(
        this,
        this.#context.tables.outbox,
        ["id", "subject", "headers", "data", { name: "created_at", expression: this.dialect.now }],
        this.#events.map(({ subject, headers, data }) => [
          uuidv7(),
          subject,
          headers === undefined ? null : JSON.stringify(headers),
          data,
        ]),
      );
    }
    return this.#events.length > 0;
  }

  async #flushAnswers(): Promise<void> {
    const table = this.#context.tables.idempotency;
    const [first] = this.#answers;
    if (first !== undefined && this.#answers.length === 1) {
      await this.run(`update ${table} set answer = ? where id = ?`, [first.answer, first.id]);
    } else if (first !== undefined) {
      await insertRows(
        this,
        table,
        ["id", "fingerprint", "answer", { name: "created_at", expression: this.dialect.now }],
        this.#answers.map(({ id, fingerprint, answer }) => [id, fingerprint, answer]),
        this.dialect.onDuplicateSet(["id"], ["answer"]),
      );
    }
    for (const part of parts([...this.#claims.keys()])) {
      const { list, params } = inList(part);
      await this.run(`delete from ${table} where id in ${list}`, params);
    }
  }

  /** Statements are refused from now on; the abort of the signal has no effect any more. */
  end(): void {
    this.#over = true;
    this.#signal?.removeEventListener("abort", this.#interrupt);
  }

  /** After the transaction, whatever became of it. */
  release(): void {
    this.end();
    for (const id of this.#entered) this.#context.inFlight.leave(id);
  }

  get actions(): readonly (() => void)[] {
    return this.#actions;
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

function* parts<T>(values: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < values.length; start += longestInList) yield values.slice(start, start + longestInList);
}

/** Ids of foreign publishers have any length; a long one is kept as its digest. */
function storedMessageId(id: string): string {
  return id.length <= longestName ? id : `sha256:${createHash("sha256").update(id).digest("hex")}`;
}
