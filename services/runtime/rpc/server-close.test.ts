import { connect as connectHttp2 } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { EchoService } from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import { expect, test } from "vitest";
import { reasonOf } from "../errors/inspect.ts";
import { bearer } from "./testing/echo.ts";
import { RawConnection } from "./testing/raw-connection.ts";
import { serveEcho } from "./testing/serve.ts";

const path = "/ordermesh.testing.v1.EchoService/Read";

function rawCall(port: number, text: string): RawConnection {
  const body = JSON.stringify({ text });
  return new RawConnection(port).send(
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
}

test("calls in flight finish, on both versions of HTTP", async () => {
  const server = await serveEcho();
  const transports = [
    createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }),
    createGrpcTransport({ baseUrl: server.url }),
  ];
  const calls = transports.map((transport) => createClient(EchoService, transport).read({ text: "sleep 300" }));
  await expect.poll(() => server.echo.seen.length).toBe(2);
  expect(await server.server.close(5_000)).toBe(true);
  expect((await Promise.all(calls)).map(({ text }) => text)).toEqual(["sleep 300", "sleep 300"]);
});

test("clients are told to go: Connection: close, GOAWAY", async () => {
  const server = await serveEcho();
  using http1 = rawCall(server.port, "sleep 200");
  const http2 = connectHttp2(server.url);
  const goaway = new Promise((resolve) => http2.on("goaway", resolve));
  await expect.poll(() => server.echo.seen.length).toBe(1);
  const closed = server.server.close(5_000);
  expect(await goaway).toBe(0);
  await closed;
  await expect.poll(() => http1.text).toContain("sleep 200");
  expect(http1.text).toMatch(/connection: close/i);
});

test("nobody gets in any more", async () => {
  const server = await serveEcho();
  await server.server.close(1_000);
  await expect(fetch(server.url)).rejects.toThrow();
});

test("idle connections, silent ones and those kept alive do not hold it up", async () => {
  const server = await serveEcho();
  using silent = new RawConnection(server.port);
  using kept = rawCall(server.port, "hello");
  const http2 = connectHttp2(server.url);
  http2.on("error", () => {});
  await expect.poll(() => kept.text).toContain("hello");
  const startedAt = performance.now();
  expect(await server.server.close(5_000)).toBe(true);
  expect(performance.now() - startedAt).toBeLessThan(500);
  await expect.poll(() => [silent.closed, kept.closed, http2.destroyed]).toEqual([true, true, true]);
});

test("open streams end with UNAVAILABLE, so that their clients go elsewhere", async () => {
  const server = await serveEcho();
  const client = createClient(EchoService, createGrpcTransport({ baseUrl: server.url }));
  const texts: string[] = [];
  const stream = (async () => {
    const replies = client.repeat({ text: "hang", times: 2 }, { headers: bearer("user") });
    for await (const { text } of replies) texts.push(text);
  })().catch((error: unknown) => error);
  await expect.poll(() => texts).toEqual(["hang"]);
  expect(await server.server.close(5_000)).toBe(true);
  const error = ConnectError.from(await stream);
  expect(error.code).toBe(Code.Unavailable);
  expect(reasonOf(error)).toBe("SHUTTING_DOWN");
});

test("what does not finish in time is cut off", async () => {
  const server = await serveEcho();
  using call = rawCall(server.port, "hang");
  await expect.poll(() => server.echo.seen.length).toBe(1);
  const startedAt = performance.now();
  expect(await server.server.close(200)).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  await expect.poll(() => call.closed).toBe(true);
});

test("a request that arrives on a kept connection while others finish does not keep the connection open", async () => {
  const server = await serveEcho();
  using connection = rawCall(server.port, "sleep 200");
  await expect.poll(() => server.echo.seen.length).toBe(1);
  const closed = server.server.close(5_000);
  await sleep(20);
  connection.send("GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n");
  expect(await closed).toBe(true);
  await expect.poll(() => connection.closed).toBe(true);
  expect(connection.text).toContain("sleep 200");
});
