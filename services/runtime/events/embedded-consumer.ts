import type { ConsumerSpec, Delivery } from "./bus.ts";
import { deadLetterOf, deliveryOf, isFor } from "./dead-letters.ts";
import type { EmbeddedLog } from "./embedded-log.ts";
import { type EmbeddedMessages, messageOf } from "./embedded-messages.ts";
import { subjectMatcher } from "./subject.ts";
import { attemptsOfSuspect, type Verdict } from "./verdict.ts";

/** A batch is cut when its messages reach this size: reading it blocks the event loop. */
const batchBytes = 4 * 1024 * 1024;
/** Messages of other subjects are passed over in steps of this many. */
const scanRows = 500;

/** A durable consumer's state in the log: what was delivered, what is held, what is due when. Shared by its subscriptions. */
export class EmbeddedConsumer {
  readonly #log: EmbeddedLog;
  readonly #messages: EmbeddedMessages;
  readonly #spec: ConsumerSpec;
  readonly #matches: (subject: string) => boolean;
  readonly #id: number;

  private constructor(log: EmbeddedLog, messages: EmbeddedMessages, spec: ConsumerSpec, id: number) {
    this.#log = log;
    this.#messages = messages;
    this.#spec = spec;
    this.#id = id;
    this.#matches = subjectMatcher(spec.subjects);
  }

  /** `recover`: nobody in this process has it yet, so what is held was in the hands of a process that ended. */
  static async open(
    log: EmbeddedLog,
    messages: EmbeddedMessages,
    spec: ConsumerSpec,
    recover: boolean,
  ): Promise<EmbeddedConsumer> {
    const insert = log.statement("insert into consumers (stream, durable) values (?, ?) on conflict do nothing");
    const select = log.statement("select id from consumers where stream = ? and durable = ?");
    // What was handled alone keeps its count; the others may have done no more than been beside it.
    const suspect = log.statement(`
      update pending set held = 0, due_at = 0, alone = 1, attempts = case when alone = 1 then attempts else min(attempts, ?) end
      where consumer = ? and held = 1`);
    const id = await log.commit(1, () => {
      insert.run(spec.stream, spec.durable);
      const found = Number(select.get(spec.stream, spec.durable)?.id);
      if (recover) suspect.run(attemptsOfSuspect(spec, spec.maxDeliveries), found);
      return found;
    });
    return new EmbeddedConsumer(log, messages, spec, id);
  }

  /** Takes the next batch of at most `limit`: one message that must be handled alone, or due ones and new ones. */
  async take(limit: number): Promise<Delivery[]> {
    for (;;) {
      const { batch, more } = await this.#log.commit(limit, () => {
        const { batch, alone } = this.#takeDue(limit);
        return { batch, more: !alone && this.#addNew(batch, limit) };
      });
      if (batch.length > 0 || !more) return batch;
    }
  }

  /** Records what becomes of deliveries, dead letters included, in one transaction. */
  settle(batch: readonly Delivery[], verdicts: readonly Verdict[]): Promise<void> {
    const where = "where consumer = ? and sequence = ?";
    const forget = this.#log.statement(`delete from pending ${where}`);
    const delay = this.#log.statement(`update pending set held = 0, attempts = ?, alone = ?, due_at = ? ${where}`);
    return this.#log.commit(batch.length, () => {
      batch.forEach((delivery, i) => {
        const verdict = verdicts[i] as Verdict;
        if (verdict.kind === "retry") {
          const { attempts, alone, delayMs } = verdict;
          delay.run(attempts, Number(alone), Date.now() + Math.round(delayMs), this.#id, delivery.sequence);
          return;
        }
        if (verdict.kind === "dead") {
          this.#messages.append([deadLetterOf(this.#spec.durable, delivery, verdict.reason)]);
        }
        forget.run(this.#id, delivery.sequence);
      });
    });
  }

  /** Takes a batch back that nobody has begun to handle. */
  release(batch: readonly Delivery[]): Promise<void> {
    const release = this.#log.statement(
      "update pending set held = 0, attempts = attempts - 1, due_at = 0 where consumer = ? and sequence = ?",
    );
    return this.#log.commit(batch.length, () => {
      for (const { sequence } of batch) release.run(this.#id, sequence);
    });
  }

  /** When the next delayed message is due (epoch milliseconds). */
  nextDue(): number | undefined {
    const row = this.#log
      .statement("select min(due_at) as due_at from pending where consumer = ? and held = 0")
      .get(this.#id);
    return typeof row?.due_at === "number" ? row.due_at : undefined;
  }

  #takeDue(limit: number): { batch: Delivery[]; alone: boolean } {
    const rows = this.#log
      .statement(
        `select m.*, p.attempts, p.alone from pending p join messages m on m.stream = ? and m.sequence = p.sequence
         where p.consumer = ? and p.held = 0 and p.due_at <= ? order by p.alone desc, p.sequence limit ?`,
      )
      .iterate(this.#spec.stream, this.#id, Date.now(), limit);
    const batch: Delivery[] = [];
    let alone = false;
    let bytes = 0;
    for (const row of rows) {
      alone = row.alone === 1;
      // Those that must be alone come first; any other begins a batch.
      const message = messageOf(row);
      batch.push(deliveryOf(this.#spec.stream, message, Number(row.attempts) + 1));
      bytes += message.data.length;
      if (alone || bytes > batchBytes) break;
    }
    const hold = this.#log.statement(
      "update pending set held = 1, attempts = attempts + 1 where consumer = ? and sequence = ?",
    );
    for (const { sequence } of batch) hold.run(this.#id, sequence);
    return { batch, alone };
  }

  /** Adds new messages and moves the cursor over all that were looked at; true when there may be more. */
  #addNew(batch: Delivery[], limit: number): boolean {
    const started = Number(this.#log.statement("select cursor from consumers where id = ?").get(this.#id)?.cursor);
    let cursor = started;
    let bytes = bytesOf(batch);
    const hold = this.#log.statement("insert into pending values (?, ?, 1, 0, 1, 0)");
    const rows = this.#log
      .statement("select * from messages where stream = ? and sequence > ? order by sequence limit ?")
      .iterate(this.#spec.stream, started, scanRows);
    for (const row of rows) {
      if (batch.length >= limit || bytes > batchBytes) break;
      const message = messageOf(row);
      cursor = message.sequence;
      if (!this.#matches(message.subject) || !isFor(this.#spec.durable, message.headers)) continue;
      bytes += message.data.length;
      batch.push(deliveryOf(this.#spec.stream, message, 1));
      hold.run(this.#id, cursor);
    }
    if (cursor === started) return false;
    this.#log.statement("update consumers set cursor = ? where id = ?").run(cursor, this.#id);
    return true;
  }
}

function bytesOf(batch: readonly Delivery[]): number {
  return batch.reduce((sum, { data }) => sum + data.length, 0);
}
