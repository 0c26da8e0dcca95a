import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { LibraryService } from "@ordermesh/proto/ordermesh/testing/v1/library_pb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { reasonOf } from "../errors/inspect.ts";
import { type EchoServer, serveEcho } from "./testing/serve.ts";

let server: EchoServer;

beforeAll(async () => {
  server = await serveEcho();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const formats = [
  ["binary", true],
  ["JSON", false],
] as const;
const protocols: [string, (baseUrl: string, useBinaryFormat: boolean) => Transport][] = [
  ["Connect", (baseUrl, useBinaryFormat) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat })],
  ["gRPC-Web", (baseUrl, useBinaryFormat) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat })],
  ["gRPC", (baseUrl, useBinaryFormat) => createGrpcTransport({ baseUrl, useBinaryFormat })],
];

for (const [protocol, transportTo] of protocols) {
  test.each(formats)(`${protocol}, %s: a method that nobody serves is unimplemented`, async (_, binary) => {
    const client = createClient(LibraryService, transportTo(server.url, binary));
    const error = await client.getBook({}).then(
      () => expect.unreachable("it should have failed"),
      (reason: unknown) => ConnectError.from(reason),
    );
    expect(error.code).toBe(Code.Unimplemented);
    expect(reasonOf(error)).toBe("METHOD_NOT_FOUND");
  });
}

test("Connect: a method that nobody serves is HTTP 404", async () => {
  const headers = { "content-type": "application/proto", "connect-protocol-version": "1" };
  const response = await fetch(`${server.url}/a.Service/Method`, { method: "POST", headers });
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ code: "unimplemented" });
});
