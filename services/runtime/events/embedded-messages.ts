import type { OutgoingMessage, StreamSpec } from "./bus.ts";
import type { StoredMessage, StreamReader } from "./dead-letters.ts";
import type { EmbeddedLog } from "./embedded-log.ts";
import { subjectMatcher, subjectsOverlap } from "./subject.ts";

/** Messages that one piece of work writes or removes at most. */
export const chunkSize = 200;

interface Stream {
  readonly spec: StreamSpec;
  readonly takes: (subject: string) => boolean;
}

/** The streams of the embedded bus and their messages. */
export class EmbeddedMessages implements StreamReader {
  readonly #log: EmbeddedLog;
  readonly #streams = new Map<string, Stream>();

  constructor(log: EmbeddedLog) {
    this.#log = log;
    for (const row of log.statement("select * from streams").all()) {
      this.#remember({
        name: String(row.name),
        subjects: JSON.parse(String(row.subjects)) as string[],
        maxAgeMs: Number(row.max_age_ms),
        dedupeWindowMs: Number(row.dedupe_window_ms),
      });
    }
  }

  /** Throws when another stream takes one of its subjects. */
  async ensureStream(spec: StreamSpec): Promise<void> {
    for (const other of this.#streams.values()) {
      if (other.spec.name === spec.name) continue;
      const [a, b] = firstOverlap(spec.subjects, other.spec.subjects) ?? [];
      if (a !== undefined) throw new Error(`stream ${spec.name}: ${a} overlaps ${b} of stream ${other.spec.name}`);
    }
    const upsert = this.#log.statement(`
      insert into streams (name, subjects, max_age_ms, dedupe_window_ms) values (?, ?, ?, ?)
      on conflict (name) do update set subjects = excluded.subjects, max_age_ms = excluded.max_age_ms,
        dedupe_window_ms = excluded.dedupe_window_ms`);
    await this.#log.commit(1, () =>
      upsert.run(spec.name, JSON.stringify(spec.subjects), spec.maxAgeMs, spec.dedupeWindowMs),
    );
    this.#remember(spec);
  }

  has(stream: string): boolean {
    return this.#streams.has(stream);
  }

  /** The stream that takes a subject; throws when none does. */
  streamOf(subject: string): StreamSpec {
    for (const { spec, takes } of this.#streams.values()) if (takes(subject)) return spec;
    throw new Error(`no stream takes the subject ${subject}`);
  }

  /** To be called inside a commit. A message whose id was stored within the dedupe window is left out. */
  append(messages: readonly OutgoingMessage[]): void {
    const now = Date.now();
    const known = this.#log.statement("select 1 from messages where stream = ? and id = ? and stored_at > ? limit 1");
    const advance = this.#log.statement(
      "update streams set last_sequence = last_sequence + 1 where name = ? returning last_sequence",
    );
    const insert = this.#log.statement(
      "insert into messages (stream, sequence, subject, id, stored_at, headers, data) values (?, ?, ?, ?, ?, ?, ?)",
    );
    for (const { subject, id, data, headers = {} } of messages) {
      const { name, dedupeWindowMs } = this.streamOf(subject);
      if (known.get(name, id, now - dedupeWindowMs) !== undefined) continue;
      const sequence = Number(advance.get(name)?.last_sequence);
      insert.run(name, sequence, subject, id, now, JSON.stringify(headers), data);
    }
  }

  async get(stream: string, sequence: number): Promise<StoredMessage | undefined> {
    const row = this.#log.statement("select * from messages where stream = ? and sequence = ?").get(stream, sequence);
    return row === undefined ? undefined : messageOf(row);
  }

  async next(stream: string, filter: string, from: number): Promise<StoredMessage | undefined> {
    const matches = subjectMatcher([filter]);
    const rows = this.#log
      .statement("select sequence, subject from messages where stream = ? and sequence >= ? order by sequence")
      .iterate(stream, from);
    for (const row of rows) if (matches(String(row.subject))) return this.get(stream, Number(row.sequence));
    return undefined;
  }

  remove(stream: string, sequence: number): Promise<boolean> {
    const statement = this.#log.statement("delete from messages where stream = ? and sequence = ?");
    return this.#log.commit(1, () => statement.run(stream, sequence).changes > 0);
  }

  /** Removes what has passed its stream's age, in chunks. */
  async expire(): Promise<void> {
    for (const { spec } of this.#streams.values()) {
      while ((await this.#log.commit(chunkSize, () => this.#expireSome(spec))) === chunkSize);
    }
  }

  #expireSome({ name, maxAgeMs }: StreamSpec): number {
    const oldest = this.#log
      .statement("select sequence, stored_at from messages where stream = ? order by sequence limit ?")
      .all(name, chunkSize);
    const expired = oldest.filter((row) => Number(row.stored_at) < Date.now() - maxAgeMs);
    const remove = this.#log.statement("delete from messages where stream = ? and sequence = ?");
    const forget = this.#log.statement(
      "delete from pending where consumer in (select id from consumers where stream = ?) and sequence = ?",
    );
    for (const { sequence } of expired) {
      remove.run(name, Number(sequence));
      forget.run(name, Number(sequence));
    }
    return expired.length;
  }

  #remember(spec: StreamSpec): void {
    this.#streams.set(spec.name, { spec, takes: subjectMatcher(spec.subjects) });
  }
}

/** Of a row with all columns of `messages`. */
export function messageOf(row: Record<string, unknown>): StoredMessage {
  return {
    subject: String(row.subject),
    sequence: Number(row.sequence),
    id: String(row.id),
    data: row.data as Uint8Array,
    headers: JSON.parse(String(row.headers)) as Record<string, string>,
    storedAt: Number(row.stored_at),
  };
}

function firstOverlap(a: readonly string[], b: readonly string[]): [string, string] | undefined {
  for (const left of a) for (const right of b) if (subjectsOverlap(left, right)) return [left, right];
  return undefined;
}
