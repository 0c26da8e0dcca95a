import type { Answer } from "./plan.ts";

const empty = Buffer.alloc(0);

/** Reads HTTP/1.1 responses to requests that are sent one at a time: with a length, chunked, or without a body. */
export class ResponseReader {
  #pending: Buffer = empty;

  /** The answer, once its last byte is there. Throws for what is no HTTP/1.1 response. */
  push(chunk: Buffer): Answer | undefined {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const body = bodyOf(bytes);
    this.#pending = body === undefined ? bytes : empty;
    return body && { status: Number(bytes.toString("latin1", 9, 12)), body };
  }
}

function bodyOf(bytes: Buffer): Buffer | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = bytes.toString("latin1", 0, end);
  if (!head.startsWith("HTTP/1.1 ")) throw new Error(`this is no HTTP/1.1 response: ${head.slice(0, 80)}`);
  const start = end + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const stop = start + Number(length);
    return bytes.length < stop ? undefined : bytes.subarray(start, stop);
  }
  return /\r\ntransfer-encoding: *chunked/i.test(head) ? joinChunks(bytes, start) : empty;
}

/** What the chunks hold, once the last is there (RFC 9112, 7.1). Trailers are passed over. */
function joinChunks(bytes: Buffer, start: number): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const line = bytes.indexOf("\r\n", at);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, line), 16);
    if (Number.isNaN(size)) throw new Error("a chunk without a size");
    const stop = line + 2 + size;
    if (size === 0) return bytes.indexOf("\r\n\r\n", line) < 0 ? undefined : joined(parts);
    if (bytes.length < stop + 2) return undefined;
    parts.push(bytes.subarray(line + 2, stop));
    at = stop + 2;
  }
}

function joined(parts: readonly Buffer[]): Buffer {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}
