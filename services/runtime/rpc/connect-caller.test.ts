import { createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { EchoService } from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fail } from "../errors/fail.ts";
import { metadataOf, reasonOf, retryAfterMsOf, violationsOf } from "../errors/inspect.ts";
import { newTrace } from "../telemetry/trace-context.ts";
import { createClient } from "./caller.ts";
import { type ConnectCaller, type ConnectCallerOptions, connectCaller } from "./connect-caller.ts";
import { localCaller } from "./local-caller.ts";
import { bindService } from "./service.ts";
import { bearer, missing, registryOf } from "./testing/echo.ts";
import { type EchoServer, serveEcho } from "./testing/serve.ts";

const open: (() => PromiseLike<unknown>)[] = [];
let server: EchoServer;

beforeEach(async () => {
  server = await serveEcho();
  open.push(() => server[Symbol.asyncDispose]());
});

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

function callerTo(baseUrl: string, options: Partial<ConnectCallerOptions> = {}): ConnectCaller {
  const caller = connectCaller({ baseUrl, backoffMs: 1, ...options });
  open.push(() => caller.close());
  return caller;
}

function clientTo(baseUrl: string, options: Partial<ConnectCallerOptions> = {}) {
  return createClient(EchoService, callerTo(baseUrl, options));
}

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  const error = await promise.then(
    () => expect.unreachable("it should have failed"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConnectError);
  return error as ConnectError;
}

/** A TCP server that treats the nth request as the nth entry says; the last one repeats. Counts requests. */
async function rawServer(...answers: ((socket: Socket) => void)[]) {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const net: NetServer = createNetServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.on("data", (data) => {
      seen.push(data.toString("latin1"));
      (answers[seen.length - 1] ?? answers.at(-1))?.(socket);
    });
  });
  await new Promise<void>((resolve) => net.listen(0, "127.0.0.1", resolve));
  open.push(async () => {
    for (const socket of sockets) socket.destroy();
    net.close();
  });
  return { seen, url: `http://127.0.0.1:${(net.address() as { port: number }).port}` };
}

const hangUp = (socket: Socket) => socket.destroy();
const reply =
  (status: string, headers: string, body = "") =>
  (socket: Socket) =>
    void socket.write(`HTTP/1.1 ${status}\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`);
const succeed = reply("200 OK", "Content-Type: application/proto\r\n");
const unavailable = reply("503 Service Unavailable", "Content-Type: application/json\r\n", '{"code":"unavailable"}');

describe("a call", () => {
  test("has its reply and the reply's headers", async () => {
    const { message, header } = await callerTo(server.url).unary(EchoService.method.read, { text: "header" });
    expect(message.text).toBe("header");
    expect(header?.get("x-echo")).toBe("heard");
    expect(header?.get("content-length")).toBeNull();
  });

  test("brings credentials, idempotency key, trace and deadline", async () => {
    const trace = newTrace(true);
    const header = bearer("user", { "idempotency-key": "k1" });
    await clientTo(server.url).write({}, { header, trace, deadline: Date.now() + 5_000 });
    const [context] = server.echo.seen;
    expect(context?.principal.id).toBe("the-user");
    expect(context?.idempotency?.key).toBe("k1");
    expect(context?.trace).toMatchObject({ traceId: trace.traceId, parentSpanId: trace.spanId, sampled: true });
    expect((context?.deadline ?? 0) - Date.now()).toBeLessThanOrEqual(5_000);
  });

  test("leaves out headers that belong to another connection", async () => {
    const header = new Headers({
      host: "evil",
      "content-length": "5",
      "transfer-encoding": "chunked",
      connection: "close",
    });
    expect((await clientTo(server.url).read({ text: "a" }, { header })).text).toBe("a");
    expect(server.echo.seen[0]?.requestHeader.get("host")).toBe(new URL(server.url).host);
  });

  test("fails with the server's error, all details included", async () => {
    const error = await failure(clientTo(server.url).read({ text: "missing" }));
    expect(error.code).toBe(Code.NotFound);
    expect(error.rawMessage).toBe(missing().rawMessage);
    expect(reasonOf(error)).toBe("NOT_FOUND");
    expect(metadataOf(error)).toEqual({ orderId: "42" });
    expect(violationsOf(error)).toHaveLength(1);
    expect(retryAfterMsOf(error)).toBe(1500);
  });

  test("fails as a call in this process does", async () => {
    const local = createClient(EchoService, localCaller(await registryOf([server.echo.binding])));
    for (const text of ["missing", "hang"]) {
      const options = () => ({ deadline: Date.now() + (text === "hang" ? 50 : 10_000) });
      const remote = await failure(clientTo(server.url).read({ text }, options()));
      const here = await failure(local.read({ text }, options()));
      expect([remote.code, reasonOf(remote)]).toEqual([here.code, reasonOf(here)]);
    }
  });

  test("an error keeps its details over two hops", async () => {
    const front = await registryOf([
      bindService(EchoService, {
        ...(server.echo.binding.handlers as Parameters<typeof bindService<typeof EchoService>>[1]),
        read: (request) => clientTo(server.url).read(request),
      }),
    ]);
    const error = await failure(createClient(EchoService, localCaller(front)).read({ text: "missing" }));
    expect([error.code, reasonOf(error), metadataOf(error).orderId]).toEqual([Code.NotFound, "NOT_FOUND", "42"]);
  });
});

describe("time", () => {
  test("the deadline ends a call whose server does not answer", async () => {
    const { url } = await rawServer(() => {});
    const startedAt = performance.now();
    const error = await failure(clientTo(url).read({}, { deadline: Date.now() + 80 }));
    expect(reasonOf(error)).toBe("DEADLINE_EXCEEDED");
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test("the default deadline counts where a call has none", async () => {
    const { url } = await rawServer(() => {});
    expect(reasonOf(await failure(clientTo(url, { defaultTimeoutMs: 50 }).read({})))).toBe("DEADLINE_EXCEEDED");
  });

  test("a deadline that has passed sends nothing", async () => {
    const { url, seen } = await rawServer(succeed);
    expect(reasonOf(await failure(clientTo(url).read({}, { deadline: Date.now() - 1 })))).toBe("DEADLINE_EXCEEDED");
    expect(seen).toEqual([]);
  });

  test("a deadline in the far future is none", async () => {
    expect((await clientTo(server.url).read({ text: "a" }, { deadline: Number.MAX_SAFE_INTEGER })).text).toBe("a");
  });

  test("the deadline ends a call that waits for a connection, and nothing of it is sent", async () => {
    const { url, seen } = await rawServer((socket) => void setTimeout(succeed, 500, socket));
    const client = clientTo(url, { connections: 1 });
    const first = client.read({});
    await expect.poll(() => seen.length).toBe(1);
    const startedAt = performance.now();
    const second = await failure(client.read({}, { deadline: Date.now() + 50 }));
    expect(second.code).toBe(Code.DeadlineExceeded);
    expect(performance.now() - startedAt).toBeLessThan(400);
    await first;
    await client.read({});
    expect(seen).toHaveLength(2);
  });

  test("a cancelled call ends at once, and its handler too", async () => {
    const abort = new AbortController();
    const call = failure(clientTo(server.url).read({ text: "hang" }, { signal: abort.signal }));
    await expect.poll(() => server.echo.seen.length).toBe(1);
    const { signal } = server.echo.seen[0] ?? expect.unreachable();
    abort.abort();
    expect(reasonOf(await call)).toBe("CANCELLED");
    await expect.poll(() => signal.aborted).toBe(true);
  });
});

describe("retries", () => {
  test("a read goes again when the server hangs up or is unavailable", async () => {
    const { url, seen } = await rawServer(hangUp, unavailable, succeed);
    await clientTo(url).read({});
    expect(seen).toHaveLength(3);
  });

  test("a write does not: it may have been done", async () => {
    const { url, seen } = await rawServer(hangUp, succeed);
    expect(reasonOf(await failure(clientTo(url).write({})))).toBe("SERVICE_UNAVAILABLE");
    expect(seen).toHaveLength(1);
  });

  test("a write with an idempotency key does", async () => {
    const { url, seen } = await rawServer(hangUp, succeed);
    await clientTo(url).write({}, { header: new Headers({ "idempotency-key": "k1" }) });
    expect(seen).toHaveLength(2);
  });

  test("a write that could not be sent does", async () => {
    const { url } = await rawServer(succeed);
    await open.pop()?.();
    const call = clientTo(url, { attempts: 10, backoffMs: 20, breaker: { threshold: 100 } }).write({});
    const back = createNetServer((socket) => socket.on("data", () => succeed(socket)));
    open.push(async () => back.close());
    setTimeout(() => back.listen(Number(new URL(url).port), "127.0.0.1"), 20);
    expect(await call).toMatchObject({ text: "" });
  });

  test("end after so many tries", async () => {
    const { url, seen } = await rawServer(unavailable);
    expect((await failure(clientTo(url, { attempts: 4 }).read({}))).code).toBe(Code.Unavailable);
    expect(seen).toHaveLength(4);
  });

  test("what a proxy on the way says of its upstreams is ours to say, with a time to come back", async () => {
    const proxy = reply(
      "503 Service Unavailable",
      "Content-Type: application/json\r\n",
      '{"code":"unavailable","message":"no healthy upstream"}',
    );
    const { url } = await rawServer(proxy);
    const error = await failure(clientTo(url, { attempts: 1 }).read({}));
    expect(error).toMatchObject({ code: Code.Unavailable, rawMessage: "the service does not answer" });
    expect(retryAfterMsOf(error)).toBeGreaterThan(0);
  });

  test("other errors are final", async () => {
    const { url, seen } = await rawServer(
      reply("409 Conflict", "Content-Type: application/json\r\n", '{"code":"aborted"}'),
    );
    expect((await failure(clientTo(url).read({}))).code).toBe(Code.Aborted);
    expect(seen).toHaveLength(1);
  });

  test("wait as long as the server asks, if the deadline allows", async () => {
    await using busy = await serveEcho({ guard: () => fail("SERVICE_UNAVAILABLE", { retryAfterMs: 10_000 }) });
    const startedAt = performance.now();
    const error = await failure(clientTo(busy.url).read({}, { deadline: Date.now() + 5_000 }));
    expect(retryAfterMsOf(error)).toBe(10_000);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

describe("a server that is down", () => {
  test("is left alone after some failures, then asked again", async () => {
    const { url, seen } = await rawServer(hangUp, hangUp, hangUp, succeed);
    const client = clientTo(url, { attempts: 1, breaker: { threshold: 3, openMs: 100 } });
    for (let i = 0; i < 3; i += 1) await failure(client.read({}));
    const refused = await failure(client.read({}));
    expect(reasonOf(refused)).toBe("SERVICE_UNAVAILABLE");
    expect(retryAfterMsOf(refused)).toBeLessThanOrEqual(100);
    expect(seen).toHaveLength(3);
    await expect
      .poll(() =>
        client.read({}).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    await client.read({});
  });

  test("errors that it answers do not count as down", async () => {
    const client = clientTo(server.url, { breaker: { threshold: 2 } });
    for (let i = 0; i < 5; i += 1) await failure(client.read({ text: "crash" }));
    expect((await client.read({ text: "still here" })).text).toBe("still here");
  });
});

describe("nonsense from the server", () => {
  test.each([
    ["no HTTP", (socket: Socket) => void socket.write("SSH-2.0-OpenSSH\r\n"), Code.Unavailable],
    ["HTTP/2", (socket: Socket) => void socket.write(Buffer.from("000000040000000000", "hex")), Code.Unavailable],
    ["a web page", reply("200 OK", "Content-Type: text/html\r\n", "<html>"), Code.Internal],
    ["bytes that are no message", reply("200 OK", "Content-Type: application/proto\r\n", "\xff\xff"), Code.Internal],
    ["an error without a body", reply("502 Bad Gateway", ""), Code.Unavailable],
    ["a status nobody expects", reply("418 I'm a teapot", "", "{}"), Code.Unknown],
    [
      "half a reply",
      (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
      Code.Unavailable,
    ],
  ])("%s ends in an error of the table", async (_name, answer, code) => {
    const { url } = await rawServer(answer);
    expect((await failure(clientTo(url, { attempts: 1 }).read({}))).code).toBe(code);
  });

  test("a reply beyond the limit is refused", async () => {
    const text = "x".repeat(20_000);
    const error = await failure(clientTo(server.url, { replyBytes: 10_000 }).read({ text }));
    expect([error.code, error.rawMessage]).toEqual([Code.Internal, "the service's reply is too large"]);
  });

  test("reaches no HTTP/2 session, whose GOAWAY or PING when idle could end the process (connect-es #1768, #1795)", async () => {
    const { url, seen } = await rawServer(succeed);
    await clientTo(url).read({});
    expect(seen[0]).toMatch(/^POST \S+ HTTP\/1\.1\r\n/);
  });

  test("a connection closed while it was idle is not used again", async () => {
    const { url, seen } = await rawServer((socket) => {
      succeed(socket);
      setTimeout(() => socket.destroy(), 20);
    });
    const client = clientTo(url);
    for (let i = 0; i < 3; i += 1) {
      await client.read({});
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(seen).toHaveLength(3);
  });
});
