import { Agent, createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip, connectNodeAdapter } from "@connectrpc/connect-node";
import { EchoService, ReadRequestSchema } from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import { createEcho } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { type EchoServer, serveEcho } from "@ordermesh/runtime/rpc/testing/serve.ts";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

// Connect over HTTP/1.1 as connect-node itself answers it, request by request: the oracle beside the conformance suite,
// which asks nothing that a good client would not send.

const messageBytes = 100_000;
/** One connection for all: every answer must leave it fit for the next request. */
const kept = new Agent({ keepAlive: true, maxSockets: 1 });
let plain: Server;
let ours: EchoServer;

beforeAll(async () => {
  ours = await serveEcho({ limits: { messageBytes } });
  const handlers = createEcho().binding.handlers as unknown as ServiceImpl<typeof EchoService>;
  const adapter = connectNodeAdapter({
    routes: (router) => router.service(EchoService, handlers),
    readMaxBytes: messageBytes,
    acceptCompression: [compressionGzip, compressionBrotli],
  });
  plain = createServer(adapter);
  await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
});

afterAll(async () => {
  kept.destroy();
  await ours[Symbol.asyncDispose]();
  plain.closeAllConnections();
  await new Promise((resolve) => plain.close(resolve));
});

interface Request {
  readonly method: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Its name in `bodies`. */
  readonly body: string;
  readonly chunked: boolean;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

function send(
  port: number,
  agent: Agent | false,
  { method, query, headers, chunked, ...request }: Request,
): Promise<Answer> {
  const body = bodies[request.body] ?? Buffer.alloc(0);
  const path = `/ordermesh.testing.v1.EchoService/Read${query === "" ? "" : `?${query}`}`;
  const framing = chunked ? { "transfer-encoding": "chunked" } : { "content-length": body.length };
  const all = method === "GET" ? headers : { ...headers, ...framing };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: "127.0.0.1", port, agent, method, path, headers: all });
    outgoing.once("error", reject);
    outgoing.once("response", async (response) => {
      const bytes = decompressed(await buffer(response), response.headers["content-encoding"]);
      resolve({
        status: response.statusCode,
        headers: compared(response.headers),
        body: bodyOf(bytes, response.headers),
      });
    });
    outgoing.end(body);
  });
}

function decompressed(bytes: Buffer, encoding: string | undefined): Buffer {
  if (encoding === "gzip") return gunzipSync(bytes);
  return encoding === "br" ? brotliDecompressSync(bytes) : bytes;
}

/** Headers of HTTP itself may differ: how a body is framed, when it was sent. */
function compared(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const http = new Set(["connection", "content-length", "date", "keep-alive", "transfer-encoding"]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !http.has(name)));
}

/** Of an error its code: its text and details are each server's own. */
function bodyOf(bytes: Buffer, headers: Readonly<Record<string, unknown>>): unknown {
  if (headers["content-type"] !== "application/json") return bytes.toString("hex");
  const json = JSON.parse(bytes.toString()) as Record<string, unknown>;
  return "code" in json ? { code: json.code } : json;
}

async function expectSame(request: Request): Promise<Answer> {
  const expected = await sendToPlain(request);
  const answer = await send(ours.port, kept, request);
  if (!isInternal(expected)) expect(answer).toEqual(expected);
  else expect([expected, asInvalid(expected)]).toContainEqual(answer);
  return expected;
}

/** After an answer to half a body connect-node's connection is of no use, and at times lost before the answer is read. */
async function sendToPlain(request: Request, tries = 10): Promise<Answer> {
  try {
    return await send((plain.address() as AddressInfo).port, false, request);
  } catch (error) {
    if (tries === 1) throw error;
    return sendToPlain(request, tries - 1);
  }
}

/**
 * Of bytes that are no message connect-node says that the fault is its own; we may say so, too, where its code reads them, but
 * say as a rule that the request is not valid.
 */
function isInternal({ body }: Answer): boolean {
  return (body as { code?: unknown }).code === "internal";
}

function asInvalid(answer: Answer): Answer {
  return { ...answer, status: 400, body: { code: "invalid_argument" } };
}

const proto = (text: string) => Buffer.from(toBinary(ReadRequestSchema, create(ReadRequestSchema, { text })));
const json = (text: string) => Buffer.from(JSON.stringify({ text }));
const texts = ["", "hello", "header", "missing", "订单 – “42”", "long ".repeat(4_000)];

const bodies: Readonly<Record<string, Buffer>> = {
  nothing: Buffer.alloc(0),
  "a newer client's field": Buffer.from('{"text":"newer","unknown":{"a":[1]}}'),
  "a byte order mark": Buffer.from('\ufeff{"text":"marked"}'),
  "a key twice": Buffer.from('{"text":"a","text":"b"}'),
  null: Buffer.from("null"),
  "half of it": Buffer.from('{"text":'),
  "no UTF-8": Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  "JSON, exactly the limit": json("x".repeat(messageBytes - 11)),
  "JSON, one byte more": json("x".repeat(messageBytes - 10)),
  "binary, three times the limit": proto("x".repeat(messageBytes * 3)),
  "compressed, three times the limit": gzipSync(json("x".repeat(messageBytes * 3))),
  ...Object.fromEntries(
    texts.flatMap((text) => [
      [`binary: ${text}`, proto(text)],
      [`JSON: ${text}`, json(text)],
      [`compressed binary: ${text}`, gzipSync(proto(text))],
      [`compressed JSON: ${text}`, gzipSync(json(text))],
    ]),
  ),
};

const base64url = (bytes: Buffer) => bytes.toString("base64url");
const queries = [
  "",
  "connect=v1&encoding=json&message=%7B%22text%22%3A%22asked%22%7D",
  "encoding=json&message=%7B%22text%22%3A%22asked%22%7D",
  `encoding=json&base64=1&message=${base64url(json("订单"))}`,
  `connect=v1&encoding=proto&base64=1&message=${base64url(proto("header"))}`,
  `connect=v1&encoding=proto&base64=1&message=${proto("padded").toString("base64")}`,
  `encoding=proto&base64=1&compression=gzip&message=${base64url(gzipSync(proto("small")))}`,
  `encoding=json&compression=identity&message=${encodeURIComponent('{"text":"missing"}')}`,
  "encoding=json&message=",
  "encoding=json",
  "encoding=json&message=%7B",
  "encoding=json&base64=1&message=***",
  "encoding=xml&message=%7B%7D",
  "connect=v2&encoding=json&message=%7B%7D",
  "message=%7B%7D",
  "a=b",
];

const oneOf = <T>(...values: T[]) => fc.constantFrom(...values);
const optional = (name: string, ...values: string[]) =>
  fc.constantFrom(undefined, undefined, ...values).map((value) => (value === undefined ? {} : { [name]: value }));

const requests: fc.Arbitrary<Request> = fc.record({
  method: fc.constantFrom("POST", "POST", "POST", "GET", "GET", "PUT", "DELETE"),
  query: oneOf("", ...queries),
  headers: fc
    .tuple(
      optional(
        "content-type",
        "application/json",
        "application/json",
        "application/proto",
        "application/proto",
        "application/json; charset=utf-8",
        "application/json;charset=utf-8",
        "Application/JSON",
        "application/json; charset=latin1",
        "application/protobuf",
        "text/plain",
        "application/xml",
      ),
      optional("content-encoding", "identity", "gzip", "br", "deflate", ""),
      optional("accept-encoding", "gzip", "br", "br, gzip", "gzip;q=0", "identity", "zstd,gzip", "*", ""),
      optional("connect-protocol-version", "1", "1", "2", ""),
      optional("connect-timeout-ms", "5000", "2000000000", "99999999999", "-1", "abc", "", "1.5"),
    )
    .map((headers) => Object.assign({}, ...headers) as Record<string, string>),
  body: oneOf(...Object.keys(bodies)),
  chunked: fc.boolean(),
});

test("any request is answered as connect-node answers it", async () => {
  const statuses = new Set<number | undefined>();
  await fc.assert(
    fc.asyncProperty(requests, async (request) => {
      // Whoever asks with GET sends no body.
      const sent = request.method === "GET" ? { ...request, body: "nothing" } : request;
      statuses.add((await expectSame(sent)).status);
    }),
    { numRuns: 1000 },
  );
  expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 404, 405, 415, 429]));
});
