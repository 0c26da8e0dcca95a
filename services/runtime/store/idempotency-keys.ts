import { bytesOrNull, text } from "./column.ts";
import {
  type ClaimState,
  claimId,
  type IdempotencyAnswer,
  type IdempotencyClaim,
  type InFlight,
  inFlightRefusal,
} from "./idempotency.ts";
import { inListParts } from "./in-list.ts";
import { insertRows } from "./insert.ts";
import type { Sql } from "./sql.ts";
import { isStoreError } from "./store-error.ts";

/**
 * The idempotency keys of one transaction. A claim inserts its row and so holds off other processes until the commit;
 * the row gets its answer before that, so a committed row always has one.
 */
export class IdempotencyKeys {
  readonly #sql: Sql;
  readonly #table: string;
  readonly #inFlight: InFlight;
  /** Taken in this process, until `leave`. */
  readonly #entered: string[] = [];
  /** New and not answered yet. */
  readonly #open = new Set<string>();
  readonly #answers: { readonly id: string; readonly fingerprint: string; readonly answer: Uint8Array }[] = [];

  constructor(sql: Sql, table: string, inFlight: InFlight) {
    this.#sql = sql;
    this.#table = table;
    this.#inFlight = inFlight;
  }

  async claimAll(claims: readonly IdempotencyClaim[]): Promise<readonly ClaimState[]> {
    const states = new Map<number, ClaimState>();
    const asked = new Map<string, { readonly index: number; readonly fingerprint: string }>();
    claims.forEach((claim, index) => {
      const id = claimId(claim);
      const running = this.#inFlight.enter(id, claim.fingerprint);
      if (running !== undefined) {
        states.set(index, running);
        return;
      }
      this.#entered.push(id);
      asked.set(id, { index, fingerprint: claim.fingerprint });
    });
    for (const [index, state] of await this.#known(asked)) states.set(index, state);
    for (const [id, { index }] of asked) if (!states.has(index)) this.#open.add(id);
    return claims.map((_claim, index) => states.get(index) ?? { kind: "new" });
  }

  recordAll(answers: readonly IdempotencyAnswer[]): void {
    for (const { claim, answer } of answers) {
      const id = claimId(claim);
      if (!this.#open.delete(id)) throw new Error("an answer needs a claim of this unit of work that was new");
      this.#answers.push({ id, fingerprint: claim.fingerprint, answer });
    }
  }

  /** Writes the answers; gives up the claims that got none. */
  async flush(): Promise<void> {
    const [first] = this.#answers;
    if (first !== undefined && this.#answers.length === 1) {
      await this.#sql.run(`update ${this.#table} set answer = ? where id = ?`, [first.answer, first.id]);
    } else if (first !== undefined) {
      await insertRows(
        this.#sql,
        this.#table,
        ["id", "fingerprint", "answer", { name: "created_at", expression: this.#sql.dialect.now }],
        this.#answers.map(({ id, fingerprint, answer }) => [id, fingerprint, answer]),
        this.#sql.dialect.onDuplicateSet(["id"], ["answer"]),
      );
    }
    for (const { list, params } of inListParts([...this.#open])) {
      await this.#sql.run(`delete from ${this.#table} where id in ${list}`, params);
    }
  }

  /** After the transaction, whatever became of it. */
  leave(): void {
    for (const id of this.#entered) this.#inFlight.leave(id);
  }

  /** Inserts rows for the keys; returns the states of those that other transactions have committed. */
  async #known(
    asked: ReadonlyMap<string, { readonly index: number; readonly fingerprint: string }>,
  ): Promise<Map<number, ClaimState>> {
    const states = new Map<number, ClaimState>();
    // In one order everywhere, so that two transactions with the same keys wait for each other and do not deadlock.
    const ids = [...asked.keys()].sort();
    const inserted = await insertRows(
      this.#sql,
      this.#table,
      ["id", "fingerprint", { name: "created_at", expression: this.#sql.dialect.now }],
      ids.map((id) => [id, asked.get(id)?.fingerprint ?? ""]),
      this.#sql.dialect.onDuplicateSkip(this.#table, ["id"]),
    ).catch((error: unknown) => {
      // Another process held one of the rows for as long as we wait for locks.
      throw isStoreError(error, "conflict") ? inFlightRefusal(error) : error;
    });
    if (inserted === ids.length) return states;
    for (const { list, params } of inListParts(ids)) {
      const statement = `select id, fingerprint, answer from ${this.#table} where id in ${list}`;
      for (const row of await this.#sql.all(statement, params)) {
        const entry = asked.get(text(row.id));
        const answer = bytesOrNull(row.answer);
        // Without an answer it is the row just inserted.
        if (entry === undefined || answer === null) continue;
        const same = text(row.fingerprint) === entry.fingerprint;
        states.set(entry.index, same ? { kind: "finished", answer } : { kind: "reused" });
      }
    }
    return states;
  }
}
