import { gunzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { ReadRequestSchema, WriteRequestSchema } from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exchange1, exchange2, type RawReply, type RawRequest } from "../testing/exchange.ts";
import { type EchoServer, serveEcho } from "../testing/serve.ts";

const service = "/ordermesh.testing.v1.EchoService";
const json = { "content-type": "application/json" };
const proto = { "content-type": "application/proto" };
const user = { authorization: "Bearer user" };
let server: EchoServer;

beforeAll(async () => {
  server = await serveEcho({ limits: { messageBytes: 100_000 } });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** The universal handlers serve HTTP/2, the lane HTTP/1.1; what is the same error has the same id here. */
async function both(request: RawRequest): Promise<{ lane: RawReply; universal: RawReply }> {
  const [lane, universal] = await Promise.all([exchange1(server.port, request), exchange2(server.port, request)]);
  return { lane: withoutErrorId(lane), universal: withoutErrorId(universal) };
}

function withoutErrorId(reply: RawReply): RawReply {
  const text = reply.body.toString("latin1");
  if (!text.includes("internal error (")) return reply;
  const { "content-length": _, ...headers } = reply.headers;
  const body = text
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "ID")
    .replace(/"value":"[^"]*"/, '"value":""');
  return { ...reply, headers, body: Buffer.from(body) };
}

const read = (text: string) => toBinary(ReadRequestSchema, create(ReadRequestSchema, { text }));
const get = (query: string, headers = {}): RawRequest => ({ method: "GET", path: `${service}/Read?${query}`, headers });
const post = (body: string | Uint8Array, headers: RawRequest["headers"] = json, method = "Read"): RawRequest => ({
  path: `${service}/${method}`,
  headers,
  body,
});
const inGzip = { ...json, "accept-encoding": "gzip" };

describe("the lane answers as the universal handlers do", () => {
  test.each<[string, RawRequest]>([
    ["a message", post('{"text":"hello"}')],
    ["in binary", post(read("hello"), proto)],
    ["an empty message", post("{}")],
    ["an empty body in binary", post("", proto)],
    ["an empty body in JSON", post("")],
    ["beyond ASCII", post('{"text":"订单 – 🛒 \\u0000 ü"}')],
    ["beyond ASCII in binary", post(read("订单 – 🛒 ü"), proto)],
    ["half a surrogate pair", post('{"text":"\\ud800"}')],
    ["bytes that are no UTF-8", post(Buffer.from('{"text":"\xff\xfe"}', "latin1"))],
    ["a byte order mark", post('\ufeff{"text":"x"}')],
    ["an unknown field", post('{"text":"x","more":[1]}')],
    ["a key twice", post('{"text":"x","text":"y"}')],
    ["null", post("null")],
    ["a number beyond int32", post('{"quantity":4294967296}', { ...json, ...user }, "Write")],
    [
      "a map, a struct and parts",
      post('{"labels":{"a":"b"},"extra":{"x":[null]},"parts":[{"name":"n"}]}', { ...json, ...user }, "Write"),
    ],
    ["broken JSON", post('{"text":')],
    ["another type", post('{"text":42}')],
    ["a list", post("[]")],
    ["a long reply", post(JSON.stringify({ text: "长".repeat(20_000) }))],
    ["a long reply in binary", post(read("长".repeat(20_000)), proto)],
    ["a body in chunks", post('{"text":"hello"}', { ...json, "transfer-encoding": "chunked" })],
    ["a body that is too large", post(JSON.stringify({ text: "x".repeat(100_001) }))],
    ["a content type with its charset", post("{}", { "content-type": "application/json; charset=utf-8" })],
    ["a content type in capitals", post("{}", { "content-type": "Application/JSON" })],
    ["a content type with a parameter", post("{}", { "content-type": "application/json; a=b" })],
    ["a content type of streams", post("{}", { "content-type": "application/connect+json" })],
    ["no content type", post("{}", {})],
    ["the protocol's version", post("{}", { ...json, "connect-protocol-version": "1" })],
    ["another version", post("{}", { ...json, "connect-protocol-version": "2" })],
    ["headers of the reply", post('{"text":"header"}')],
    ["headers and trailers of the reply", post('{"text":"metadata"}')],
    ["headers and trailers of an error", post('{"text":"metadata missing"}')],
    ["an error with details", post('{"text":"missing"}')],
    ["an error with details for a binary call", post(read("missing"), proto)],
    ["a crash", post('{"text":"crash"}')],
    ["a wrapped crash", post('{"text":"crash wrapped"}')],
    ["violations", post('{"text":"UPPER","quantity":-1,"parts":[{}]}', { ...json, ...user }, "Write")],
    ["nobody's call", post("{}", json, "Write")],
    ["bad credentials", post("{}", { ...json, authorization: "Bearer expired" }, "Write")],
    ["credentials of another scheme", post("{}", { ...json, authorization: "Basic dTpw" }, "Write")],
    ["a call without permission", post("{}", { ...json, ...user }, "Administer")],
    ["a bad idempotency key", post("{}", { ...json, ...user, "idempotency-key": "a b" }, "Write")],
    ["the method's own deadline", post("{}", { ...json, authorization: "Bearer operator" }, "Operate")],
    ["the caller's deadline", post('{"text":"hang"}', { ...json, "connect-timeout-ms": "50" })],
    ["a deadline of nothing", post("{}", { ...json, "connect-timeout-ms": "0" })],
    ["a deadline that is no number", post("{}", { ...json, "connect-timeout-ms": "1s" })],
    ["a deadline of eleven digits", post("{}", { ...json, "connect-timeout-ms": "12345678901" })],
    ["a bad deadline with a bad body", post("{", { ...json, "connect-timeout-ms": "-1" })],
    ["gzip, for a short reply", post('{"text":"x"}', inGzip)],
    ["gzip, for a long reply", post(JSON.stringify({ text: "x".repeat(2_000) }), inGzip)],
    [
      "gzip, for a long reply in binary",
      post(read("x".repeat(2_000)), { ...proto, "accept-encoding": "deflate, gzip" }),
    ],
    ["gzip, for a reply with headers", post(JSON.stringify({ text: `metadata ${"x".repeat(2_000)}` }), inGzip)],
    [
      "brotli before gzip",
      post(JSON.stringify({ text: "x".repeat(2_000) }), { ...json, "accept-encoding": "br,gzip" }),
    ],
    [
      "an encoding that nobody has",
      post(JSON.stringify({ text: "x".repeat(2_000) }), { ...json, "accept-encoding": "zstd" }),
    ],
    ["a compressed request that is not", post("{}", { ...json, "content-encoding": "gzip" })],
    ["a request compressed in vain", post("{}", { ...json, "content-encoding": "identity" })],
    ["a request in an unknown compression", post("{}", { ...json, "content-encoding": "zstd" })],
    ["GET", get(`connect=v1&encoding=json&message=${encodeURIComponent('{"text":"a b ü"}')}`)],
    ["GET in binary", get(`encoding=proto&base64=1&message=${Buffer.from(read("hello ü")).toString("base64url")}`)],
    [
      "GET in padded base64",
      get(`encoding=proto&base64=1&message=${encodeURIComponent(Buffer.from(read("hell")).toString("base64"))}`),
    ],
    ["GET without a message", get("encoding=proto")],
    ["GET with an empty JSON message", get("encoding=json&message=")],
    ["GET with a plus", get("encoding=json&message=%7B%22text%22:%22a+b%22%7D")],
    ["GET with a broken escape", get("encoding=json&message=%7B%22text%22:%22%zz%22%7D")],
    ["GET with parameters twice", get("encoding=json&encoding=proto&message=%7B%7D&message=1")],
    ["GET without an encoding", get("message=%7B%7D")],
    ["GET with another encoding", get("encoding=xml&message=%7B%7D")],
    ["GET with a compression", get("encoding=json&compression=gzip&message=%7B%7D")],
    ["GET with a content type", get("encoding=json&message=%7B%7D", { "content-type": "text/plain" })],
    ["GET with a deadline", get('encoding=json&message=%7B"text":"hang"%7D', { "connect-timeout-ms": "50" })],
    [
      "GET of a method with effects",
      { ...get("encoding=json&message=%7B%7D"), path: `${service}/Write?encoding=json&message=%7B%7D` },
    ],
    ["GET with broken JSON", get("encoding=json&message=%7B")],
    ["POST with a query", { ...post('{"text":"x"}'), path: `${service}/Read?encoding=proto` }],
    ["another method", { method: "PUT", path: `${service}/Read`, headers: json, body: "{}" }],
    ["a stream's method", post("{}", json, "Repeat")],
  ])("%s", async (_name, request) => {
    const { lane, universal } = await both(request);
    expect({ ...lane, body: lane.body.toString() }).toEqual({ ...universal, body: universal.body.toString() });
  });

  test("whatever the JSON", async () => {
    const body = fc.oneof(
      fc
        .record({ text: fc.oneof(fc.string({ unit: "binary" }), fc.jsonValue()) }, { requiredKeys: [] })
        .map((value) => JSON.stringify(value)),
      fc.json(),
    );
    await fc.assert(
      fc.asyncProperty(body, async (text) => {
        const { lane, universal } = await both(post(text));
        expect(lane).toEqual(universal);
      }),
      { numRuns: 60 },
    );
  });

  test("whatever the query", async () => {
    const pair = fc.tuple(
      fc.constantFrom("connect", "encoding", "message", "base64", "compression", "x"),
      fc.constantFrom("v1", "json", "proto", "1", "{}", "", "CgF4", "identity", "%7B%22text%22%3A%22x%22%7D", "+", "%"),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(pair, { maxLength: 6 }), async (pairs) => {
        const { lane, universal } = await both(get(pairs.map(([name, value]) => `${name}=${value}`).join("&")));
        if (!isCallersFault(lane, universal)) expect(lane).toEqual(universal);
      }),
      { numRuns: 100 },
    );
  });
});

/** The one difference: undecodable bytes are INTERNAL there. */
function isCallersFault(lane: RawReply, universal: RawReply): boolean {
  return universal.status === 500 && lane.status === 400;
}

describe("bytes that are no message are the caller's fault", () => {
  test.each<[string, RawRequest]>([
    ["in a binary body", post("\xff\xff\xff", proto)],
    ["in a cut field", post(Buffer.from([10, 5, 65]), proto)],
    ["in GET", get("encoding=proto&base64=1&message=_____w")],
    ["in base64 that is none", get("encoding=proto&base64=1&message=*")],
  ])("%s", async (_name, request) => {
    const calls = server.echo.seen.length;
    const { status, headers, body } = await exchange1(server.port, request);
    expect([status, headers["content-type"]]).toEqual([400, "application/json"]);
    expect(JSON.parse(body.toString())).toMatchObject({ code: "invalid_argument" });
    expect(server.echo.seen).toHaveLength(calls);
  });
});

describe("limits", () => {
  test("a body in chunks that is too large is refused before its end", async () => {
    const { status, body } = await exchange1(server.port, {
      ...post(JSON.stringify({ text: "x".repeat(300_000) }), { ...json, "transfer-encoding": "chunked" }),
    });
    expect([status, JSON.parse(body.toString())]).toEqual([
      429,
      { code: "resource_exhausted", message: "message size is larger than configured readMaxBytes 100000" },
    ]);
  });

  test("a compressed reply is the reply", async () => {
    const text = "x".repeat(2_000);
    const { headers, body } = await exchange1(server.port, post(JSON.stringify({ text }), inGzip));
    expect(headers["content-encoding"]).toBe("gzip");
    expect(JSON.parse(gunzipSync(body).toString())).toEqual({ text });
  });
});

describe("a caller that hangs up", () => {
  test("aborts its handler, once it has begun", async () => {
    const abort = new AbortController();
    const call = fetch(`${server.url}${service}/Read`, {
      method: "POST",
      headers: json,
      body: '{"text":"hang"}',
      signal: abort.signal,
    });
    const outcome = call.catch((error: Error) => error.name);
    const before = server.echo.seen.length;
    await expect.poll(() => server.echo.seen.length).toBeGreaterThan(before);
    const { signal } = server.echo.seen.at(-1) ?? expect.unreachable();
    expect(signal.aborted).toBe(false);
    abort.abort();
    expect(await outcome).toBe("AbortError");
    await expect.poll(() => signal.aborted).toBe(true);
  });

  test("is no news for a handler that has answered", async () => {
    await exchange1(server.port, post('{"text":"done"}'));
    const { signal } = server.echo.seen.at(-1) ?? expect.unreachable();
    expect(signal.aborted).toBe(false);
  });
});

describe("a handler on the lane", () => {
  test("sees the request's headers", async () => {
    const headers = { ...json, "x-own": ["a", "b"], cookie: "c=d" };
    await exchange1(server.port, post("{}", headers));
    const { requestHeader, transport } = server.echo.seen.at(-1) ?? expect.unreachable();
    expect(Object.fromEntries(requestHeader)).toMatchObject({ ...json, "x-own": "a, b", cookie: "c=d" });
    expect(transport).toBe("connect");
  });

  test("can make no reply that is not well formed", async () => {
    const { status, body } = await exchange1(server.port, post('{"text":"unwritable"}'));
    expect(status).toBe(500);
    expect(JSON.parse(body.toString())).toMatchObject({
      code: "internal",
      message: expect.stringMatching(/^internal error \(.{36}\)$/),
    });
  });
});

test("garbage gets a well-formed answer, and the process lives", async () => {
  const header = fc.constantFrom(
    "connect-timeout-ms",
    "connect-protocol-version",
    "accept-encoding",
    "content-encoding",
    "authorization",
    "traceparent",
    "idempotency-key",
    "cookie",
  );
  const value = fc.string({
    unit: fc
      .integer({ min: 0x21, max: 0xff })
      .filter((c) => c < 0x7f || c > 0xa0)
      .map((c) => String.fromCharCode(c)),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.string().map((text) => Buffer.from(text)),
      ),
      fc.constantFrom("application/json", "application/proto"),
      fc.dictionary(header, value, { maxKeys: 4 }),
      fc.constantFrom("Read", "Write", "Administer"),
      async (body, type, more, method) => {
        const reply = await exchange1(server.port, post(body, { ...more, "content-type": type }, method));
        if (reply.status === 200) expect(reply.headers["content-type"]).toBe(type);
        else if ("content-encoding" in more) expect(reply.status).toBeGreaterThanOrEqual(400);
        else expect(JSON.parse(reply.body.toString())).toMatchObject({ code: expect.stringMatching(/^[a-z_]+$/) });
      },
    ),
    { numRuns: 300 },
  );
  expect(
    (
      await exchange1(
        server.port,
        post(
          toBinary(WriteRequestSchema, create(WriteRequestSchema, { text: "alive" })),
          { ...proto, ...user },
          "Write",
        ),
      )
    ).status,
  ).toBe(200);
});
