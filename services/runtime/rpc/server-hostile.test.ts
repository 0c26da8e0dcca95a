import { connect as connectHttp2 } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { EchoService } from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { frame, frameType, headersFrame, preface, RawConnection } from "./testing/raw-connection.ts";
import { type EchoServer, serveEcho } from "./testing/serve.ts";

const path = "/ordermesh.testing.v1.EchoService/Read";
const limits = { headersTimeoutMs: 200, requestTimeoutMs: 500, idleTimeoutMs: 700, sweepMs: 50, connections: 40 };
let server: EchoServer;

beforeAll(async () => {
  server = await serveEcho({ limits });
});

afterEach(async () => {
  // Whatever a test did, the process lives and serves.
  const client = createClient(EchoService, createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }));
  expect((await client.read({ text: "alive" })).text).toBe("alive");
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Milliseconds until the server closes the connection, while `drip` is sent every 50 ms. */
async function closedAfter(connection: RawConnection, drip?: () => string | Uint8Array): Promise<number> {
  const startedAt = performance.now();
  while (!connection.closed) {
    if (performance.now() - startedAt > 5_000) expect.unreachable("the connection is still open");
    if (drip !== undefined) connection.send(drip());
    await sleep(50);
  }
  return performance.now() - startedAt;
}

describe("what comes in pieces is understood", () => {
  test("an HTTP/1.1 request, byte by byte", async () => {
    using connection = new RawConnection(server.port);
    for (const byte of "PUT /x HTTP/1.1\r\nHost: localhost\r\n\r\n") {
      connection.send(byte);
      await sleep(1);
    }
    await expect.poll(() => connection.text).toContain("fallback 1.1 PUT /x");
  });

  test("an HTTP/2 preface, byte by byte", async () => {
    using connection = new RawConnection(server.port);
    for (const byte of Buffer.concat([preface, headersFrame(1, "/x", 5)])) {
      connection.send(Buffer.of(byte));
      await sleep(1);
    }
    await expect.poll(() => connection.text).toContain("fallback 2.0 POST /x");
  });
});

describe("slow clients are cut off in time", () => {
  test("one that says nothing", async () => {
    using connection = new RawConnection(server.port);
    expect(await closedAfter(connection)).toBeLessThan(600);
  });

  test("one whose first bytes could become either protocol", async () => {
    using connection = new RawConnection(server.port);
    connection.send("PR");
    expect(await closedAfter(connection)).toBeLessThan(600);
  });

  test("one that dribbles HTTP/1.1 headers", async () => {
    using connection = new RawConnection(server.port);
    connection.send("GET / HTTP/1.1\r\nHost: localhost\r\n");
    expect(await closedAfter(connection, () => "x: y\r\n")).toBeLessThan(800);
    expect(connection.text).toContain("408 Request Timeout");
  });

  test("one that dribbles an HTTP/1.1 body", async () => {
    using connection = new RawConnection(server.port);
    connection.send(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n`,
    );
    expect(await closedAfter(connection, () => " ")).toBeLessThan(1_200);
  });

  test("one that dribbles an HTTP/2 body: its stream is reset", async () => {
    using connection = new RawConnection(server.port);
    connection.send(Buffer.concat([preface, headersFrame(1, "/x", 4)]));
    const startedAt = performance.now();
    while (!connection.frameTypes.includes(frameType.resetStream) && performance.now() - startedAt < 5_000) {
      connection.send(frame(0, 0, 1, Buffer.from(" ")));
      await sleep(50);
    }
    expect(performance.now() - startedAt).toBeLessThan(1_200);
  });

  test("one that keeps an HTTP/2 connection busy with pings and no request", async () => {
    using connection = new RawConnection(server.port);
    connection.send(preface);
    expect(await closedAfter(connection, () => frame(frameType.ping, 0, 0, Buffer.alloc(8)))).toBeLessThan(1_500);
    expect(connection.frameTypes).toContain(frameType.goaway);
  });

  test("one that dribbles HTTP/2 headers", async () => {
    using connection = new RawConnection(server.port);
    connection.send(Buffer.concat([preface, headersFrame(1, "/x", 0)]));
    expect(await closedAfter(connection, () => frame(9, 0, 1, Buffer.from([0, 1, 120, 1, 121])))).toBeLessThan(1_500);
  });
});

test("a kept connection may be idle for longer than headers may take", async () => {
  using connection = new RawConnection(server.port);
  connection.send("GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await expect.poll(() => connection.text).toContain("/1");
  await sleep(400);
  connection.send("GET /2 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await expect.poll(() => connection.text).toContain("/2");
});

test("a bidirectional stream may last longer than a body may take", async () => {
  const { createGrpcTransport } = await import("@connectrpc/connect-node");
  const client = createClient(EchoService, createGrpcTransport({ baseUrl: server.url }));
  async function* ask() {
    yield { text: "a" };
    await sleep(900);
    yield { text: "b" };
  }
  const texts = await Array.fromAsync(client.talk(ask()), ({ text }) => text);
  expect(texts).toEqual(["a", "b"]);
});

describe("too much", () => {
  test("a body of unknown length: its connection serves the next request", async () => {
    await using strict = await serveEcho({ limits: { messageBytes: 1_000 } });
    using connection = new RawConnection(strict.port);
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    connection.send(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    const chunk = `${(32_768).toString(16)}\r\n${"x".repeat(32_768)}\r\n`;
    connection.send(chunk);
    await expect.poll(() => connection.text).toContain("larger than");
    for (let i = 0; i < 10; i += 1) {
      connection.send(chunk);
      await sleep(1);
    }
    connection.send(`0\r\n\r\n${head}Content-Length: 16\r\n\r\n{"text":"again"}`);
    await expect.poll(() => connection.text).toContain('{"text":"again"}');
  });

  test("a message on an HTTP/2 stream: its client can write to the end and read the answer", async () => {
    await using strict = await serveEcho({ limits: { messageBytes: 1_000 } });
    const session = connectHttp2(strict.url);
    const headers = { ":method": "POST", ":path": path.replace("Read", "Talk"), "content-type": "application/grpc" };
    const stream = session.request(headers).resume();
    const trailers = new Promise<Record<string, unknown>>((resolve) => stream.once("trailers", resolve));
    stream.write(Buffer.from([0, 0, 0x10, 0, 0]));
    expect((await trailers)["grpc-status"]).toBe(String(Code.ResourceExhausted));
    await new Promise((resolve) => stream.end(Buffer.alloc(0x100_000), () => resolve(undefined)));
    session.destroy();
  });

  test("headers over HTTP/1.1 are 431", async () => {
    const response = await fetch(server.url, { headers: { long: "x".repeat(20_000) } });
    expect(response.status).toBe(431);
  });

  test("headers over HTTP/2 end their stream only", async () => {
    const session = connectHttp2(server.url);
    const outcome = (headers: Record<string, string>) =>
      new Promise((resolve) => {
        const stream = session.request({ ":path": "/x", ...headers });
        stream.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
        stream.on("response", (response) => resolve(response[":status"]));
      });
    expect(await outcome({})).toBe(404);
    expect(await outcome({ long: "x".repeat(20_000) })).toBe("ERR_HTTP2_STREAM_ERROR");
    expect(await outcome({})).toBe(404);
    session.close();
  });

  test("headers of a client that never acknowledges our settings", async () => {
    using connection = new RawConnection(server.port);
    const pairs = Buffer.concat(Array.from({ length: 200 }, () => Buffer.from([0, 1, 120, 1, 121])));
    const whole = headersFrame(1, "/x", 1);
    connection.send(Buffer.concat([preface, whole, frame(9, 4, 1, pairs)]));
    await expect.poll(() => connection.frameTypes).toContain(frameType.resetStream);
  });

  test("streams at once on one connection: the limit is announced", async () => {
    const session = connectHttp2(server.url);
    const settings = await new Promise<{ maxConcurrentStreams?: number }>((resolve) =>
      session.on("remoteSettings", resolve),
    );
    session.close();
    expect(settings.maxConcurrentStreams).toBe(256);
  });

  test("streams opened and reset at once (rapid reset): the connection goes", async () => {
    using connection = new RawConnection(server.port);
    connection.send(preface);
    const cancel = Buffer.from([0, 0, 0, 8]);
    for (let id = 1; id < 8_000 && !connection.closed; id += 2) {
      connection.send(Buffer.concat([headersFrame(id, path, 5), frame(frameType.resetStream, 0, id, cancel)]));
      if (id % 400 === 1) await sleep(1);
    }
    // Long before it would count as idle.
    expect(await closedAfter(connection)).toBeLessThan(limits.idleTimeoutMs / 2);
  });

  test("connections: those beyond the limit are closed", async () => {
    const connections = Array.from({ length: 60 }, () => new RawConnection(server.port));
    await expect.poll(() => connections.filter(({ closed }) => closed).length).toBeGreaterThanOrEqual(20);
    for (const connection of connections) connection[Symbol.dispose]();
    await sleep(50);
  });
});

describe("nonsense", () => {
  test("random bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        using connection = new RawConnection(server.port);
        connection.send(bytes);
        await sleep(2);
      }),
      { numRuns: 50 },
    );
  });

  test("random frames after a good preface", async () => {
    const anyFrame = fc
      .record({ type: fc.nat(12), flags: fc.nat(255), stream: fc.nat(5), payload: fc.uint8Array({ maxLength: 40 }) })
      .map(({ type, flags, stream, payload }) => frame(type, flags, stream, payload));
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { maxLength: 10 }), async (frames) => {
        using connection = new RawConnection(server.port);
        connection.send(Buffer.concat([preface, ...frames]));
        await sleep(2);
      }),
      { numRuns: 50 },
    );
  });

  test("TLS to a port without it", async () => {
    using connection = new RawConnection(server.port);
    connection.send(Buffer.from("1603010200010001fc0303", "hex"));
    await closedAfter(connection);
  });

  test("GOAWAY on an idle connection, then PING on the dying one", async () => {
    using connection = new RawConnection(server.port);
    connection.send(Buffer.concat([preface, frame(frameType.goaway, 0, 0, Buffer.alloc(8))]));
    await sleep(20);
    connection.send(frame(frameType.ping, 0, 0, Buffer.alloc(8)));
    await closedAfter(connection);
  });

  test("a reset in the middle of everything", async () => {
    const openings = [
      "PR",
      "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf",
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
      preface,
      Buffer.concat([preface, headersFrame(1, path, 4)]),
      Buffer.concat([preface, headersFrame(1, "/x", 4), frame(0, 0, 1, Buffer.from("half"))]),
    ];
    for (const opening of openings) {
      const connection = new RawConnection(server.port);
      connection.send(opening);
      await sleep(20);
      connection.socket.resetAndDestroy();
    }
    await sleep(20);
  });
});
