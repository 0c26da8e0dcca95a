import { createHash } from "node:crypto";
import type { ConsumerSpec, OutgoingMessage, StreamSpec } from "./bus.ts";
import { isSubject, isSubjectFilter } from "./subject.ts";

/**
 * Most bytes of data and of headers in one message. Together with what a dead letter adds they fit the default
 * `max_payload` of nats-server (1 MiB), so whatever was published can also be dead-lettered.
 */
export const maxDataBytes = 960 * 1024;
export const maxHeaderBytes = 32 * 1024;

/** Throws TypeError when no broker could carry the message as it is. */
export function validateMessage(message: OutgoingMessage): void {
  const problem = problemOf(message);
  if (problem !== undefined) throw new TypeError(`message ${message.id} for ${message.subject}: ${problem}`);
}

/** Throws TypeError on a malformed name or subject. */
export function validateStream(spec: StreamSpec): void {
  validateName("stream", spec.name);
  validateFilters(`stream ${spec.name}`, spec.subjects);
}

/** Throws TypeError on a malformed name, subject or number. */
export function validateConsumer(spec: ConsumerSpec): void {
  validateName("stream", spec.stream);
  validateName("consumer", spec.durable);
  validateFilters(`consumer ${spec.durable}`, spec.subjects);
  const { ackWaitMs, maxDeliveries, batchSize, batchTargetMs = 1, concurrency = 1 } = spec;
  const numbers = { ackWaitMs, maxDeliveries, batchSize, batchTargetMs, concurrency };
  for (const [field, value] of Object.entries(numbers)) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new TypeError(`consumer ${spec.durable}: ${field} is a positive integer, not ${value}`);
  }
  const { batchMs } = spec.giveWayTo ?? { batchMs: 0 };
  if (!(batchMs < ackWaitMs)) {
    throw new TypeError(
      `consumer ${spec.durable}: a batch gives way for less than the ack wait, not for ${batchMs} ms`,
    );
  }
}

/**
 * The bus id of a message from outside (contracts/minishop.md 9.14): the SHA-256 of its bytes, so that a repeated
 * submission is stored once and two different messages are two whatever order id they carry. The subject is part of
 * it because a stream's dedupe window spans all its subjects. `occurrence` tells intended repetitions apart.
 */
export function externalMessageId(subject: string, data: Uint8Array, occurrence = 0): string {
  const digest = createHash("sha256").update(data).digest("hex");
  return occurrence === 0 ? `${digest}@${subject}` : `${digest}@${subject}#${occurrence}`;
}

function problemOf({ subject, id, data, headers = {} }: OutgoingMessage): string | undefined {
  if (!isSubject(subject)) return "not a subject";
  if (!/^[!-~]{1,512}$/.test(id)) return "an id has 1 to 512 visible ASCII characters";
  if (data.length > maxDataBytes) return `${data.length} bytes are more than ${maxDataBytes}`;
  let size = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return `header name ${JSON.stringify(name)} is not a token`;
    if (/^nats-/i.test(name)) return `header ${name} is the broker's`;
    if (/[\r\n\0]/.test(value) || value.trim() !== value) return `header ${name} has a line break or outer space`;
    size += name.length + Buffer.byteLength(value) + 4;
  }
  return size > maxHeaderBytes ? `headers of ${size} bytes are more than ${maxHeaderBytes}` : undefined;
}

function validateName(what: string, name: string): void {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw new TypeError(`${what} name ${JSON.stringify(name)}: letters, digits, - and _ only`);
  }
}

function validateFilters(owner: string, filters: readonly string[]): void {
  if (filters.length === 0) throw new TypeError(`${owner} has no subjects`);
  for (const filter of filters) {
    if (!isSubjectFilter(filter)) throw new TypeError(`${owner}: ${JSON.stringify(filter)} is not a subject filter`);
  }
}
