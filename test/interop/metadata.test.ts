import { ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { EchoService } from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import { type EchoServer, serveEcho } from "@ordermesh/runtime/rpc/testing/serve.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let server: EchoServer;

beforeAll(async () => {
  server = await serveEcho();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const protocols: [string, (baseUrl: string) => Transport][] = [
  ["Connect, JSON", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
  ["Connect, binary", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true })],
  ["Connect, GET", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true })],
  ["Connect, HTTP/2", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" })],
  ["gRPC", (baseUrl) => createGrpcTransport({ baseUrl })],
  ["gRPC, JSON", (baseUrl) => createGrpcTransport({ baseUrl, useBinaryFormat: false })],
  ["gRPC-Web, HTTP/1.1", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ["gRPC-Web, JSON", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false })],
  ["gRPC-Web, HTTP/2", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
];

describe.each(protocols)("%s", (_, transportTo) => {
  const client = () => createClient(EchoService, transportTo(server.url));

  test("headers and trailers of a reply", async () => {
    let header = new Headers();
    let trailer = new Headers();
    await client().read(
      { text: "header" },
      { onHeader: (received) => (header = received), onTrailer: (received) => (trailer = received) },
    );
    expect([header.get("x-echo"), trailer.get("x-echo")]).toEqual(["heard", null]);
    expect([header.get("x-echo-after"), trailer.get("x-echo-after")]).toEqual([null, "said"]);
  });

  test("headers of a request, several values of one and binary ones", async () => {
    const headers = new Headers({ "x-many": "a", "x-bytes-bin": "AAH/" });
    headers.append("x-many", "b");
    await client().read({ text: "headers" }, { headers });
    const seen = server.echo.seen.at(-1)?.requestHeader;
    expect([seen?.get("x-many")?.replace(", ", ","), seen?.get("x-bytes-bin")]).toEqual(["a,b", "AAH/"]);
  });

  test("the text of an error beyond ASCII, with its line ends", async () => {
    const error = await client()
      .read({ text: "missing" })
      .then(() => expect.unreachable("it should have failed"), ConnectError.from);
    expect(error.rawMessage).toBe("订单不存在 – “42”");
  });
});

test("a deadline beyond what Node's timers count is kept, not passed at once", async () => {
  const headers = { "content-type": "application/json", "connect-timeout-ms": String(40 * 86_400_000) };
  const url = `${server.url}/ordermesh.testing.v1.EchoService/Read`;
  const response = await fetch(url, { method: "POST", headers, body: '{"text":"sleep 20"}' });
  expect(await response.json()).toEqual({ text: "sleep 20" });
});
