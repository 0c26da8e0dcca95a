import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";

/** A request of node:http or of node:http2's compatibility API. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;

/** The client went away before its request was complete: there is nobody to answer. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/** A client that sends too much may send this many times the limit and still read its answer. */
const drainFactor = 4;

/**
 * Reads the whole body; undefined when it is larger than `limit` bytes. The rest of a body that is too large is read
 * and dropped up to a bound, because a client that still writes when the connection closes never sees the answer.
 * Rejects with ClientGone.
 */
export function readBody(request: HttpRequest, limit: number): Promise<Buffer | undefined> {
  if (isEmpty(request)) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve, reject) => {
    const bound = limit * drainFactor;
    const announced = Number(request.headers["content-length"] ?? 0);
    if (announced > bound) {
      resolve(undefined);
      return;
    }
    let chunks: Buffer[] = [];
    let size = 0;
    let isOver = false;
    const finish = (result: Buffer | undefined) => {
      isOver = true;
      resolve(result);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else {
        chunks = [];
        if (size > bound) {
          request.off("data", onData);
          finish(undefined);
        }
      }
    };
    const onEnd = () => finish(size > limit ? undefined : chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    // Every request closes in the end.
    const onGone = () => {
      if (!isOver) reject(new ClientGone("the client went away"));
    };
    request.on("data", onData).on("end", onEnd).on("close", onGone).on("error", onGone);
    if (request.destroyed) onGone();
  });
}

/** Known without reading: HTTP/1 says so in its headers. */
function isEmpty(request: HttpRequest): boolean {
  const { headers } = request;
  if (headers["content-length"] === "0") return true;
  return (
    request.httpVersionMajor === 1 &&
    headers["content-length"] === undefined &&
    headers["transfer-encoding"] === undefined
  );
}
