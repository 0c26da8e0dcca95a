import { type ClientHttp2Session, connect } from "node:http2";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { AggregatedDiscoveryService } from "envoy-config-tools/gen/envoy/service/discovery/v3/ads_pb";
import { type ControlPlane, createControlPlane } from "envoy-config-tools/xds/control-plane.ts";
import { type ListeningServer, listen } from "envoy-config-tools/xds/listen.ts";
import { typeUrls } from "envoy-config-tools/xds/resource-type.ts";
import { service } from "envoy-config-tools/xds/testing/resources.ts";
import { openStream } from "envoy-config-tools/xds/testing/stream-client.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCertificates, type TestCertificates } from "../support/certificates.ts";

let certificates: TestCertificates;
let plane: ControlPlane;
let server: ListeningServer;

const isEnvoy = (names: readonly string[]) => names.includes("URI:spiffe://ordermesh.local/envoy");

beforeAll(async () => {
  certificates = await makeCertificates();
  plane = createControlPlane();
  plane.setSnapshot(service("web", 80, 1));
  server = await listen({
    port: 0,
    routes: plane.routes,
    tls: { ...certificates.material("mesh"), isAllowed: isEnvoy },
  });
});

afterAll(async () => {
  plane.close();
  await server.close();
});

/** Inside certificates carry names of the mesh, not of hosts. */
const anyHost = { checkServerIdentity: () => undefined };

/** Asks for the clusters, once, over a connection of its own. */
async function ask(options: object): Promise<string> {
  const nodeOptions = { ...anyHost, ...options };
  const transport = createGrpcTransport({ baseUrl: `https://localhost:${server.port}`, nodeOptions });
  const client: Client<typeof AggregatedDiscoveryService> = createClient(AggregatedDiscoveryService, transport);
  const controller = new AbortController();
  const stream = openStream((requests: AsyncIterable<{ typeUrl: string }>) =>
    client.streamAggregatedResources(requests, { signal: controller.signal }),
  );
  stream.send({ typeUrl: typeUrls.cluster });
  try {
    return (await stream.read()).typeUrl;
  } catch (error) {
    return Code[ConnectError.from(error).code] ?? "";
  } finally {
    controller.abort();
  }
}

test("Envoy's certificate is let in", async () => {
  expect(await ask(certificates.material("envoy"))).toBe(typeUrls.cluster);
});

test("a certificate of another service is turned away", async () => {
  expect(await ask(certificates.material("order"))).not.toBe(typeUrls.cluster);
  expect(plane.status().filter(({ node }) => node.id === "order")).toEqual([]);
});

test("a client without a certificate is turned away", async () => {
  const { ca } = certificates.material("envoy");
  expect(await ask({ ca })).not.toBe(typeUrls.cluster);
});

test("a certificate of a stranger's authority is turned away", async () => {
  const stranger = (await makeCertificates()).material("envoy");
  expect(await ask({ ...stranger, ca: certificates.material("envoy").ca })).not.toBe(typeUrls.cluster);
});

test("HTTP/1.1 is not spoken", async () => {
  await expect(fetch(`https://localhost:${server.port}/`)).rejects.toThrow();
});

test("a new certificate is used for new connections, and open ones go on", async () => {
  const serial = (session: ClientHttp2Session) =>
    new Promise<string>((resolve, reject) => {
      session.once("error", reject);
      session.once("connect", (_session, socket) => {
        resolve((socket as import("node:tls").TLSSocket).getPeerCertificate().serialNumber);
      });
    });
  const open = () => connect(`https://localhost:${server.port}`, { ...anyHost, ...certificates.material("envoy") });
  const before = open();
  const old = await serial(before);
  await certificates.rotate();
  server.setCertificate(certificates.material("mesh"));
  const after = open();
  expect(await serial(after)).not.toBe(old);
  expect(before.closed).toBe(false);
  await new Promise((resolve) => before.ping(resolve));
  before.close();
  after.close();
});
