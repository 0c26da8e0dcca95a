import { request as httpRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { createServer as createNetServer } from "node:net";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { credentials, Client as GrpcJsClient, Metadata, type ServiceError } from "@grpc/grpc-js";
import { StatusSchema } from "@ordermesh/proto/google/rpc/status_pb";
import { EchoService, ReadRequestSchema, ReadResponseSchema } from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fail } from "../errors/fail.ts";
import { metadataOf, reasonOf, retryAfterMsOf, violationsOf } from "../errors/inspect.ts";
import { StartupError } from "../lifecycle/startup-error.ts";
import { createServer } from "./server.ts";
import { bearer, missing, recordingLog } from "./testing/echo.ts";
import { type EchoServer, serveEcho } from "./testing/serve.ts";

let server: EchoServer;

beforeAll(async () => {
  server = await serveEcho();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  return promise.then(
    () => expect.unreachable("it should have failed"),
    (error: unknown) => ConnectError.from(error),
  );
}

const protocols: [string, (baseUrl: string) => Transport][] = [
  ["Connect, JSON, HTTP/1.1", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
  [
    "Connect, binary, HTTP/1.1",
    (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
  ],
  ["Connect, GET", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true })],
  ["Connect, JSON, HTTP/2", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" })],
  ["gRPC", (baseUrl) => createGrpcTransport({ baseUrl })],
  ["gRPC-Web, HTTP/1.1", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ["gRPC-Web, HTTP/2", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
];

describe.each(protocols)("%s", (protocol, transportTo) => {
  const client = () => createClient(EchoService, transportTo(server.url));
  const headers = bearer("user");

  test("a call has its reply and the reply's headers", async () => {
    let header = new Headers();
    const reply = await client().read({ text: "header" }, { onHeader: (received) => (header = received) });
    expect(reply.text).toBe("header");
    expect(header.get("x-echo")).toBe("heard");
  });

  test("a long text travels unharmed", async () => {
    const text = "订单".repeat(protocol === "Connect, GET" ? 500 : 50_000);
    expect((await client().read({ text })).text).toBe(text);
  });

  test("an error has code, text and every detail", async () => {
    const error = await failure(client().read({ text: "missing" }));
    expect(error.code).toBe(Code.NotFound);
    expect(error.rawMessage).toBe(missing().rawMessage);
    expect(reasonOf(error)).toBe("NOT_FOUND");
    expect(metadataOf(error)).toEqual({ orderId: "42" });
    expect(violationsOf(error)).toMatchObject([{ field: "a.b[2]", description: "fehlt" }]);
    expect(retryAfterMsOf(error)).toBe(1500);
  });

  test.each(["crash", "crash wrapped"])("nothing internal leaves: %s", async (text) => {
    const error = await failure(client().read({ text }));
    expect(error.code).toBe(Code.Internal);
    expect(error.rawMessage).toMatch(/^internal error \([0-9a-f-]{36}\)$/);
    expect(JSON.stringify(error.details) + [...error.metadata]).not.toContain("hunter2");
  });

  test("the caller's deadline reaches the handler and ends the call", async () => {
    const error = await failure(client().read({ text: "hang" }, { timeoutMs: 80 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    expect((server.echo.seen.at(-1)?.deadline ?? 0) - Date.now()).toBeLessThan(80);
  });

  test("a caller that goes away aborts the handler", async () => {
    const abort = new AbortController();
    const call = failure(client().read({ text: "hang" }, { signal: abort.signal }));
    await expect.poll(() => server.echo.seen.at(-1)?.requestHeader).toBeDefined();
    await sleep(50);
    const { signal } = server.echo.seen.at(-1) ?? expect.unreachable();
    abort.abort();
    expect((await call).code).toBe(Code.Canceled);
    await expect.poll(() => signal.aborted).toBe(true);
  });

  test("without credentials it is UNAUTHENTICATED", async () => {
    expect((await failure(client().write({}))).code).toBe(Code.Unauthenticated);
  });

  test("the idempotency key arrives", async () => {
    await client().write({}, { headers: bearer("user", { "idempotency-key": "k1" }) });
    expect(server.echo.seen.at(-1)?.idempotency?.key).toBe("k1");
  });

  test("the trace continues", async () => {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    await client().read({}, { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } });
    expect(server.echo.seen.at(-1)?.trace).toMatchObject({ traceId, parentSpanId: "00f067aa0ba902b7" });
  });

  test("a request beyond the limit is RESOURCE_EXHAUSTED", async () => {
    await using small = await serveEcho({ limits: { messageBytes: 10_000 } });
    const call = createClient(EchoService, transportTo(small.url)).write(
      { parts: [{ name: "x".repeat(20_000) }] },
      { headers },
    );
    expect((await failure(call)).code).toBe(Code.ResourceExhausted);
    expect(small.echo.seen).toEqual([]);
  });

  test("a stream has all its messages", async () => {
    const texts: string[] = [];
    for await (const { text } of client().repeat({ text: "again", times: 3 }, { headers })) texts.push(text);
    expect(texts).toEqual(["again", "again", "again"]);
  });

  test("a stream that fails says why, after what came before", async () => {
    const texts: string[] = [];
    const error = await failure(
      (async () => {
        for await (const { text } of client().repeat({ text: "missing", times: 3 }, { headers })) texts.push(text);
      })(),
    );
    expect(texts).toEqual(["missing"]);
    expect(reasonOf(error)).toBe("NOT_FOUND");
  });

  test("a stream that crashes shows nothing internal", async () => {
    const error = await failure(Array.fromAsync(client().repeat({ text: "crash", times: 3 }, { headers })));
    expect(error.code).toBe(Code.Internal);
    expect(error.message).not.toContain("hunter2");
  });

  test("a stream needs credentials and valid messages as well", async () => {
    expect((await failure(Array.fromAsync(client().repeat({})))).code).toBe(Code.Unauthenticated);
    const invalid = client().repeat({ times: -1 }, { headers });
    expect(violationsOf(await failure(Array.fromAsync(invalid))).map(({ field }) => field)).toEqual(["times"]);
  });

  test("leaving a stream half-way ends its handler", async () => {
    const abort = new AbortController();
    const stream = client().repeat({ text: "crash aborted", times: 3 }, { headers, signal: abort.signal });
    const error = await failure(
      (async () => {
        for await (const _ of stream) setTimeout(() => abort.abort(), 50);
      })(),
    );
    expect(error.code).toBe(Code.Canceled);
    await expect.poll(() => server.echo.seen.at(-1)?.signal.aborted).toBe(true);
  });

  test("a service that is not here is UNIMPLEMENTED", async () => {
    await using bare = await serveEcho({ registry: undefined });
    expect((await failure(createClient(EchoService, transportTo(bare.url)).write({}))).code).toBe(Code.Unimplemented);
  });

  test("what the guard refuses is refused in the protocol's own form", async () => {
    await using guarded = await serveEcho({ guard: () => fail("FOREIGN_ORIGIN") });
    const error = await failure(createClient(EchoService, transportTo(guarded.url)).write({}));
    expect(error.code).toBe(Code.PermissionDenied);
    expect(guarded.echo.seen).toEqual([]);
  });
});

describe("gRPC streams in both directions", () => {
  const client = () => createClient(EchoService, createGrpcTransport({ baseUrl: server.url }));

  test("answer message by message", async () => {
    const answered: string[] = [];
    async function* ask() {
      for (const text of ["a", "b", "c"]) {
        yield { text };
        // The next question waits for the answer to this one.
        await expect.poll(() => answered).toContain(text);
      }
    }
    for await (const { text } of client().talk(ask())) answered.push(text);
    expect(answered).toEqual(["a", "b", "c"]);
  });

  test("check each message", async () => {
    async function* ask() {
      yield { text: "a" };
      yield { text: "" };
    }
    expect(reasonOf(await failure(Array.fromAsync(client().talk(ask()))))).toBe("VALIDATION");
  });
});

describe("the gRPC library", () => {
  function unary(url: string, text: string, options: { deadline?: number; metadata?: Metadata } = {}) {
    const client = new GrpcJsClient(new URL(url).host, credentials.createInsecure());
    return new Promise<string>((resolve, reject) => {
      client.makeUnaryRequest(
        "/ordermesh.testing.v1.EchoService/Read",
        (message: { text: string }) =>
          Buffer.from(toBinary(ReadRequestSchema, { $typeName: "ordermesh.testing.v1.ReadRequest", ...message })),
        (bytes) => fromBinary(ReadResponseSchema, bytes),
        { text },
        options.metadata ?? new Metadata(),
        { deadline: options.deadline },
        (error, reply) => (error === null ? resolve(reply?.text ?? "") : reject(error)),
      );
    }).finally(() => client.close());
  }

  test("gets its reply", async () => {
    expect(await unary(server.url, "hello")).toBe("hello");
  });

  test("gets an error with its details", async () => {
    const error: ServiceError = await unary(server.url, "missing").then(
      () => expect.unreachable(),
      (e) => e,
    );
    expect(error).toMatchObject({ code: Code.NotFound, details: missing().rawMessage });
    const [bytes] = error.metadata.get("grpc-status-details-bin");
    expect(fromBinary(StatusSchema, bytes as Buffer).details.map((any) => any.typeUrl)).toEqual([
      "type.googleapis.com/google.rpc.ErrorInfo",
      "type.googleapis.com/google.rpc.BadRequest",
      "type.googleapis.com/google.rpc.RetryInfo",
    ]);
  });

  test("sets the deadline", async () => {
    await expect(unary(server.url, "hang", { deadline: Date.now() + 100 })).rejects.toMatchObject({
      code: Code.DeadlineExceeded,
    });
  });

  test("keeps one connection for many calls", async () => {
    const texts = Array.from({ length: 200 }, (_, i) => `text ${i}`);
    expect(await Promise.all(texts.map((text) => unary(server.url, text)))).toEqual(texts);
  });
});

describe("everything else goes to the fallback", () => {
  test("over HTTP/1.1", async () => {
    const response = await fetch(`${server.url}/v1/orders?x=1`);
    expect([response.status, await response.text()]).toEqual([404, "fallback 1.1 GET /v1/orders?x=1"]);
  });

  test("over HTTP/2, with the host where HTTP/1.1 has it", async () => {
    let host: string | undefined;
    await using other = await serveEcho({
      fallback: (request, response) => {
        host = request.headers.host;
        response.end("done");
      },
    });
    expect(await http2Get(other.url, "/v1/orders")).toEqual({ status: 200, body: "done" });
    expect(host).toBe(new URL(other.url).host);
  });

  test("both protocols at the same time on the one port", async () => {
    const h1 = Array.from({ length: 50 }, (_, i) => fetch(`${server.url}/${i}`).then((response) => response.text()));
    const h2 = Array.from({ length: 50 }, (_, i) => http2Get(server.url, `/${i}`).then(({ body }) => body));
    const expected = (version: string) => Array.from({ length: 50 }, (_, i) => `fallback ${version} GET /${i}`);
    expect(await Promise.all([...h1, ...h2])).toEqual([...expected("1.1"), ...expected("2.0")]);
  });

  test("a fallback that throws is an internal error without its text", async () => {
    await using broken = await serveEcho({
      fallback: () => {
        throw new Error("hunter2");
      },
    });
    const response = await fetch(broken.url);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ code: Code.Internal, message: "internal error" });
    expect(broken.lines).toContainEqual(expect.objectContaining({ msg: "request handler failed" }));
  });
});

describe("the guard", () => {
  test("sees method, host and origin over both versions of HTTP", async () => {
    const seen: unknown[] = [];
    await using guarded = await serveEcho({
      guard: ({ method, headers }) => {
        seen.push([method, headers.get("Host"), headers.get("origin")]);
        return fail("FOREIGN_HOST");
      },
    });
    const response = await fetch(guarded.url, { method: "POST", headers: { origin: "http://evil.example" } });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: Code.PermissionDenied, details: [{ reason: "FOREIGN_HOST" }] });
    expect((await http2Get(guarded.url, "/")).status).toBe(403);
    const { host } = new URL(guarded.url);
    expect(seen).toEqual([
      ["POST", host, "http://evil.example"],
      ["GET", host, null],
    ]);
  });
});

describe("malformed calls", () => {
  const path = "/ordermesh.testing.v1.EchoService/Read";
  const post = (body: string, headers: Record<string, string> = { "content-type": "application/json" }) =>
    fetch(server.url + path, { method: "POST", body, headers });

  test.each([
    ["broken JSON", '{"text":'],
    ["JSON of another type", '{"text":42}'],
    ["a list", "[]"],
    ["nothing", ""],
  ])("%s is INVALID_ARGUMENT", async (_name, body) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid_argument" });
  });

  test("bytes that are no message are refused", async () => {
    const calls = server.echo.seen.length;
    expect((await post("\xff\xff\xff", { "content-type": "application/proto" })).ok).toBe(false);
    expect(server.echo.seen).toHaveLength(calls);
  });

  test("another content type is 415, another method 405", async () => {
    expect((await post("text=a", { "content-type": "application/x-www-form-urlencoded" })).status).toBe(415);
    expect((await fetch(server.url + path, { method: "DELETE" })).status).toBe(405);
  });

  test("half a surrogate pair in a refused request does not stop the reply", async () => {
    const response = await fetch(`${server.url}/ordermesh.testing.v1.EchoService/Write`, {
      method: "POST",
      body: '{"text":"\\ud800"}',
      headers: { "content-type": "application/json", authorization: "Bearer user" },
    });
    expect(response.status).toBe(400);
  });

  test.each(["[", "a b", "::::", "a:99999"])("the host %s takes no process down", async (host) => {
    const status = await new Promise((resolve, reject) => {
      const { port } = new URL(server.url);
      httpRequest({
        port,
        host: "127.0.0.1",
        path,
        method: "POST",
        headers: { host, "content-type": "application/json" },
      })
        .on("response", (response) => resolve(response.resume().statusCode))
        .on("error", reject)
        .end("{}");
    });
    expect(status).toBe(400);
    expect(
      (await createClient(EchoService, createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" })).read({}))
        .text,
    ).toBe("");
  });
});

describe("listen", () => {
  test("a port in use is one clear line", async () => {
    const holder = createNetServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const { port } = holder.address() as { port: number };
    const other = createServer({ fallback: () => {}, log: recordingLog().log });
    const error = await other.listen({ host: "127.0.0.1", port }).catch((reason) => reason);
    holder.close();
    expect(error).toBeInstanceOf(StartupError);
    expect(error.message).toMatch(
      new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use; [^\\n]*$`),
    );
  });

  test("an IPv6 address has its brackets", async () => {
    const other = createServer({ fallback: (_, response) => response.end("here"), log: recordingLog().log });
    const { url, port } = await other.listen({ host: "::1", port: 0 });
    expect(url).toBe(`http://[::1]:${port}`);
    expect(await (await fetch(url)).text()).toBe("here");
    await other.close(0);
  });
});

async function http2Get(url: string, path: string): Promise<{ status: unknown; body: string }> {
  const session = connectHttp2(url);
  try {
    const stream = session.request({ ":path": path });
    const status = new Promise((resolve) => stream.once("response", (headers) => resolve(headers[":status"])));
    return { body: await textOf(stream), status: await status };
  } finally {
    session.close();
  }
}
