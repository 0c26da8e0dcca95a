import { maxDataBytes } from "@ordermesh/runtime/events/message.ts";

export interface OutgoingLine {
  readonly data: Uint8Array;
}

export interface Batch {
  readonly messages: readonly OutgoingLine[];
  /** Number of the last line in it, from 1. */
  readonly lastLine: number;
}

/** A request takes at most 500 messages and, with its framing, 1 MiB. */
const batchMessages = 500;
const batchBytes = 512 * 1024;

const lineFeed = 10;
const carriageReturn = 13;

/**
 * The lines of a byte stream in batches; a line's bytes are kept as they are, but for the line's end, and empty lines are
 * left out. Throws for a line that is longer than a message can be.
 */
export async function* messagesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Batch> {
  let messages: OutgoingLine[] = [];
  let bytes = 0;
  let line = 0;
  for await (const data of linesOf(input)) {
    line += 1;
    if (data.length === 0) continue;
    if (messages.length > 0 && (messages.length === batchMessages || bytes + data.length > batchBytes)) {
      yield { messages, lastLine: line - 1 };
      messages = [];
      bytes = 0;
    }
    messages.push({ data });
    bytes += data.length;
  }
  if (messages.length > 0) yield { messages, lastLine: line };
}

async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let line = 1;
  const take = (): Uint8Array => {
    const whole = Buffer.concat(parts);
    parts = [];
    length = 0;
    line += 1;
    return whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole;
  };
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      parts.push(chunk.subarray(start, end));
      refuseLong(length + end - start, line);
      yield take();
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
    length += chunk.length - start;
    refuseLong(length, line);
  }
  if (length > 0) yield take();
}

function refuseLong(length: number, line: number): void {
  // One more for the carriage return that may end it.
  if (length > maxDataBytes + 1) throw new Error(`line ${line} is longer than ${maxDataBytes} bytes`);
}
