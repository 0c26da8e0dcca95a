import { request as http1Request } from "node:http";
import { connect as http2Connect } from "node:http2";
import { buffer } from "node:stream/consumers";

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Uint8Array;
}

export interface RawReply {
  readonly status: number;
  /** Without those that belong to one version of HTTP or to the clock. */
  readonly headers: Record<string, unknown>;
  readonly body: Buffer;
}

/** One request over HTTP/1.1. Unless it is chunked, the body's length is told. */
export function exchange1(port: number, request: RawRequest): Promise<RawReply> {
  const { method = "POST", path, body = "" } = request;
  return new Promise((resolve, reject) => {
    http1Request({ host: "127.0.0.1", port, method, path, agent: false, headers: headersOf(request) })
      .on("response", (response) => {
        buffer(response).then((bytes) => resolve(replyOf(response.statusCode ?? 0, response.headers, bytes)), reject);
      })
      .on("error", reject)
      .end(body);
  });
}

/** The same request over HTTP/2, which the universal handlers serve. */
export async function exchange2(port: number, request: RawRequest): Promise<RawReply> {
  const { method = "POST", path, body = "" } = request;
  const { "transfer-encoding": _, ...headers } = headersOf(request);
  const session = http2Connect(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request({ ...headers, ":method": method, ":path": path });
    // The request of a GET has ended already.
    if (method !== "GET") stream.end(body);
    const { ":status": status, ...received } = await new Promise<Record<string, unknown>>((resolve, reject) =>
      stream.once("response", resolve).once("error", reject),
    );
    return replyOf(Number(status), received, await buffer(stream));
  } finally {
    session.close();
  }
}

function headersOf({ method, headers = {}, body = "" }: RawRequest): Record<string, string | string[]> {
  if (method === "GET" || "transfer-encoding" in headers) return headers;
  return { "content-length": String(Buffer.byteLength(body)), ...headers };
}

function replyOf(status: number, received: Record<string, unknown>, body: Buffer): RawReply {
  const fleeting = ["connection", "keep-alive", "transfer-encoding", "date"];
  const headers = Object.entries(received).filter(([name]) => !fleeting.includes(name));
  return { status, headers: Object.fromEntries(headers), body };
}
