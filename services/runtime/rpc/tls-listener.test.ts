import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { type AddressInfo, connect as connectTcp } from "node:net";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type ConnectionOptions,
  connect as connectTls,
  createServer as createTlsServer,
  type TLSSocket,
} from "node:tls";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { EchoService } from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import { expect, onTestFinished, test } from "vitest";
import { makeCertificates, type TestCertificates } from "../../../test/support/certificates.ts";
import type { TlsMaterial } from "../tls/identity.ts";
import { createClient as createCallerClient } from "./caller.ts";
import { connectCaller } from "./connect-caller.ts";
import { frameType, preface, RawConnection } from "./testing/raw-connection.ts";
import { type EchoServer, serveEcho } from "./testing/serve.ts";

const certificates = await makeCertificates();
const strangers = await makeCertificates();
const expired = await makeCertificates(Date.now() - 200 * 86_400_000);

/** A server that is `order` and serves `envoy` and `operator`. */
async function serve(own: TestCertificates = certificates, headersTimeoutMs = 2_000): Promise<EchoServer> {
  const identity = await own.identity("order");
  const server = await serveEcho({ tls: { identity, peers: ["envoy", "operator"] }, limits: { headersTimeoutMs } });
  onTestFinished(async () => {
    await server[Symbol.asyncDispose]();
    identity.close();
  });
  return server;
}

/** A client's options; its server is `order`, whose certificate names no host. */
function as(name: string, from: TestCertificates = certificates): TlsMaterial & ConnectionOptions {
  return { ...from.material(name), ca: certificates.material(name).ca, checkServerIdentity: () => undefined };
}

const protocols: [string, (baseUrl: string) => Transport][] = [
  ["Connect, HTTP/1.1", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", nodeOptions: as("envoy") })],
  ["Connect, HTTP/2", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2", nodeOptions: as("envoy") })],
  ["gRPC", (baseUrl) => createGrpcTransport({ baseUrl, nodeOptions: as("envoy") })],
  ["gRPC-Web", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1", nodeOptions: as("operator") })],
];

test.each(protocols)("a peer calls: %s", async (_, transportTo) => {
  const { url } = await serve();
  expect(url).toMatch(/^https:/);
  expect(await createClient(EchoService, transportTo(url)).read({ text: "a" })).toMatchObject({ text: "a" });
});

test("a peer asks for what is no RPC", async () => {
  const { port } = await serve();
  expect(await get(port, as("operator"))).toBe("404 fallback 1.1 GET /healthz");
});

test("HTTP/2 without ALPN is told by its first bytes, as Envoy's health checks speak it", async () => {
  const { port } = await serve();
  const socket = connectTls({ host: "127.0.0.1", port, ...as("envoy") });
  let received = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  socket.on("error", () => {});
  socket.write(preface);
  await expect.poll(() => received[3]).toBe(frameType.settings);
  socket.destroy();
});

test("HTTP/1.1 without ALPN is served", async () => {
  const { port } = await serve();
  expect(await get(port, { ...as("envoy"), ALPNProtocols: [] })).toBe("404 fallback 1.1 GET /healthz");
});

test("TLS 1.2 is taken, TLS 1.1 is not", async () => {
  const { port } = await serve();
  expect(await get(port, { ...as("envoy"), maxVersion: "TLSv1.2" })).toBe("404 fallback 1.1 GET /healthz");
  const old = { ...as("envoy"), minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" } as const;
  await expect(get(port, old)).rejects.toThrow();
});

const refused: [string, () => ConnectionOptions, string][] = [
  ["no certificate", () => ({ ...as("envoy"), cert: undefined, key: undefined }), "no client certificate"],
  ["another service of the mesh", () => as("gateway"), "gateway is none of TLS_PEERS"],
  ["a certificate of another authority", () => as("envoy", strangers), "is not valid"],
  ["an expired certificate", () => as("envoy", expired), "is not valid"],
  ["the certificate of the edge, which opens nothing inside", () => as("edge"), "is not valid"],
];

test.each(refused)("%s is refused, and the log says why", async (_, client, reason) => {
  const { port, lines, echo } = await serve();
  await expect(get(port, client())).rejects.toThrow();
  expect(echo.seen).toEqual([]);
  await expect.poll(() => lines.find((line) => line.msg === "connection refused")?.reason).toContain(reason);
});

test("the log is not flooded by refused connections", async () => {
  const { port, lines } = await serve();
  for (let i = 0; i < 30; i += 1) await get(port, as("gateway")).catch(() => {});
  const told = lines.filter((line) => line.msg === "connection refused");
  expect(told.length).toBeLessThan(5);
});

test("HTTP without TLS is refused", async () => {
  const { port } = await serve();
  using connection = new RawConnection(port);
  connection.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await expect.poll(() => connection.closed).toBe(true);
  expect(connection.text).not.toContain("HTTP/1.1");
});

test("a handshake that dribbles along is cut off in time", async () => {
  const { port } = await serve(certificates, 500);
  const began = Date.now();
  const socket = connectTcp(port, "127.0.0.1").on("error", () => {});
  // The head of a TLS record that promises more.
  const dribble = setInterval(() => socket.write(Buffer.from([0x16])), 100);
  socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]));
  await new Promise((resolve) => socket.on("close", resolve));
  clearInterval(dribble);
  expect(Date.now() - began).toBeLessThan(1_500);
});

test.each(["h2", "http/1.1"])(
  "a client that says nothing after its handshake (%s) does not hold up a stop",
  async (protocol) => {
    const { server, port } = await serve(certificates, 10_000);
    const socket = await connected(port, { ...as("envoy"), ALPNProtocols: [protocol] });
    await sleep(50);
    const began = Date.now();
    expect(await server.close(5_000)).toBe(true);
    expect(Date.now() - began).toBeLessThan(1_000);
    socket.destroy();
  },
);

test("a connection in its handshake does not hold up a stop", async () => {
  const { server, port } = await serve(certificates, 10_000);
  using connection = new RawConnection(port);
  await sleep(50);
  const began = Date.now();
  expect(await server.close(5_000)).toBe(true);
  expect(Date.now() - began).toBeLessThan(1_000);
  expect(connection.received.length).toBe(0);
});

test("new connections see new certificates, connections that stand go on", async () => {
  const own = await makeCertificates();
  const { port } = await serve(own);
  const client = { ...own.material("envoy"), checkServerIdentity: () => undefined };
  const session = connectHttp2(`https://127.0.0.1:${port}`, client);
  onTestFinished(() => session.destroy());
  const before = serialOf(await connected(port, client));
  await own.rotate();
  await expect.poll(async () => serialOf(await connected(port, client))).not.toBe(before);
  const stream = session.request({ ":path": "/healthz" });
  expect(await textOf(stream)).toBe("fallback 2.0 GET /healthz");
});

test("a caller shows its certificate and knows whom it calls", async () => {
  const { url } = await serve();
  const identity = await certificates.identity("operator");
  const caller = connectCaller({ baseUrl: url, tls: { identity, peer: "order" } });
  expect(await createCallerClient(EchoService, caller).read({ text: "a" })).toMatchObject({ text: "a" });
  await caller.close();
  identity.close();
});

test.each([
  ["expects somebody else", "gateway"],
  ["expects the URL's host, which the certificate does not name", undefined],
])("a caller that %s does not call", async (_, peer) => {
  const { url, echo } = await serve();
  const identity = await certificates.identity("operator");
  const caller = connectCaller({ baseUrl: url, attempts: 1, tls: { identity, peer } });
  await expect(createCallerClient(EchoService, caller).read({ text: "a" })).rejects.toThrow("does not answer");
  expect(echo.seen).toEqual([]);
  await caller.close();
  identity.close();
});

test("a caller speaks HTTP/1.1 to a server that would take HTTP/2", async () => {
  const spoken: TLSSocket["alpnProtocol"][] = [];
  const server = createTlsServer({ ...certificates.material("order"), ALPNProtocols: ["h2", "http/1.1"] }, (socket) => {
    spoken.push(socket.alpnProtocol);
    socket.end("HTTP/1.1 200 OK\r\nContent-Type: application/proto\r\nContent-Length: 0\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const identity = await certificates.identity("operator");
  const baseUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const caller = connectCaller({ baseUrl, tls: { identity, peer: "order" } });
  await createCallerClient(EchoService, caller).read({});
  expect(spoken).toEqual(["http/1.1"]);
  await caller.close();
  identity.close();
  server.close();
});

test("a caller's new connections show its new certificate", async () => {
  const own = await makeCertificates();
  const { url } = await serve(own);
  const identity = await own.identity("operator");
  const old = identity.current.cert;
  await own.rotate();
  await expect.poll(() => identity.current.cert).not.toBe(old);
  const caller = connectCaller({ baseUrl: url, tls: { identity, peer: "order" } });
  expect(await createCallerClient(EchoService, caller).read({ text: "a" })).toMatchObject({ text: "a" });
  await caller.close();
  identity.close();
});

function get(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({ host: "127.0.0.1", port, path: "/healthz", agent: false, ...options });
    request.on("error", reject).on("response", async (response) => {
      resolve(`${response.statusCode} ${await textOf(response)}`);
    });
    request.end();
  });
}

function connected(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: "127.0.0.1", port, ...options }, () => resolve(socket));
    socket.on("error", reject);
  });
}

function serialOf(socket: TLSSocket): string | undefined {
  const serial = socket.getPeerX509Certificate()?.serialNumber;
  socket.destroy();
  return serial;
}
