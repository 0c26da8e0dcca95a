import { createClient, type Transport } from "@connectrpc/connect";
import {
  compressionBrotli,
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { EchoService } from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import { bearer } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { type EchoServer, serveEcho } from "@ordermesh/runtime/rpc/testing/serve.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let server: EchoServer;

beforeAll(async () => {
  server = await serveEcho();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

interface Compressing {
  readonly baseUrl: string;
  readonly sendCompression: typeof compressionGzip;
  readonly acceptCompression: (typeof compressionGzip)[];
  readonly compressMinBytes: number;
}

const protocols: [string, string, (options: Compressing) => Transport][] = [
  ["Connect, JSON", "content-encoding", (options) => createConnectTransport({ ...options, httpVersion: "1.1" })],
  [
    "Connect, binary",
    "content-encoding",
    (options) => createConnectTransport({ ...options, httpVersion: "1.1", useBinaryFormat: true }),
  ],
  [
    "Connect, GET",
    "content-encoding",
    (options) => createConnectTransport({ ...options, httpVersion: "1.1", useHttpGet: true }),
  ],
  ["Connect, HTTP/2", "content-encoding", (options) => createConnectTransport({ ...options, httpVersion: "2" })],
  ["gRPC", "grpc-encoding", (options) => createGrpcTransport(options)],
  ["gRPC-Web, HTTP/1.1", "grpc-encoding", (options) => createGrpcWebTransport({ ...options, httpVersion: "1.1" })],
  ["gRPC-Web, HTTP/2", "grpc-encoding", (options) => createGrpcWebTransport({ ...options, httpVersion: "2" })],
];

describe.each(protocols)("%s", (_, encodingHeader, transportWith) => {
  const clientWith = (compression: typeof compressionGzip) => {
    const compressing = { sendCompression: compression, acceptCompression: [compression], compressMinBytes: 0 };
    return createClient(EchoService, transportWith({ baseUrl: server.url, ...compressing }));
  };

  describe.each([
    ["gzip", compressionGzip],
    ["br", compressionBrotli],
  ])("%s", (name, compression) => {
    test("200 kB there and back", async () => {
      const text = "订单 0123456789 ".repeat(10_000);
      let header = new Headers();
      const reply = await clientWith(compression).read({ text }, { onHeader: (received) => (header = received) });
      expect(reply.text).toBe(text);
      expect(header.get(encodingHeader)).toBe(name);
    });

    test("an empty message", async () => {
      expect((await clientWith(compression).read({})).text).toBe("");
    });

    test("a stream", async () => {
      const stream = clientWith(compression).repeat(
        { text: "again ".repeat(1_000), times: 3 },
        { headers: bearer("user") },
      );
      expect((await Array.fromAsync(stream)).map(({ text }) => text.length)).toEqual([6_000, 6_000, 6_000]);
    });
  });

  test("a reply too small to pay for it is not compressed", async () => {
    let header = new Headers();
    await clientWith(compressionGzip).read({ text: "small" }, { onHeader: (received) => (header = received) });
    // gRPC announces the encoding that messages may have, Connect the one that this body has.
    if (encodingHeader === "content-encoding") expect(header.get(encodingHeader)).toBeNull();
  });
});

test("a bomb that unpacks to more than the limit is refused before it is unpacked", async () => {
  await using strict = await serveEcho({ limits: { messageBytes: 10_000 } });
  const client = createClient(
    EchoService,
    createConnectTransport({ baseUrl: strict.url, httpVersion: "1.1", sendCompression: compressionGzip }),
  );
  await expect(client.read({ text: "0".repeat(4_000_000) })).rejects.toThrow("resource_exhausted");
  expect(strict.echo.seen).toEqual([]);
});
