import { setTimeout as sleep } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ClusterDiscoveryService } from "../gen/envoy/service/cluster/v3/cds_pb.js";
import { AggregatedDiscoveryService } from "../gen/envoy/service/discovery/v3/ads_pb.js";
import type {
  DeltaDiscoveryRequestSchema,
  DiscoveryRequestSchema,
} from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import { EndpointDiscoveryService } from "../gen/envoy/service/endpoint/v3/eds_pb.js";
import { ListenerDiscoveryService } from "../gen/envoy/service/listener/v3/lds_pb.js";
import { RouteDiscoveryService } from "../gen/envoy/service/route/v3/rds_pb.js";
import {
  type ControlPlane,
  type ControlPlaneEvent,
  type ControlPlaneOptions,
  createControlPlane,
} from "./control-plane.ts";
import { type ListeningServer, listen } from "./listen.ts";
import { typeUrls } from "./resource-type.ts";
import { createSnapshot } from "./snapshot.ts";
import { cluster, endpoints, service } from "./testing/resources.ts";
import { openStream } from "./testing/stream-client.ts";

type SotwInit = MessageInitShape<typeof DiscoveryRequestSchema>;
type DeltaInit = MessageInitShape<typeof DeltaDiscoveryRequestSchema>;

const { cluster: cds, endpoint: eds, listener: lds, route: rds } = typeUrls;
let plane: ControlPlane;
let server: ListeningServer;
let transport: ReturnType<typeof createGrpcTransport>;
let ads: Client<typeof AggregatedDiscoveryService>;
let events: ControlPlaneEvent[];

async function start(options: ControlPlaneOptions = {}): Promise<void> {
  events = [];
  plane = createControlPlane({ onEvent: (event) => events.push(event), ...options });
  server = await listen({ port: 0, routes: plane.routes });
  transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` });
  ads = createClient(AggregatedDiscoveryService, transport);
}

async function restart(options: ControlPlaneOptions): Promise<void> {
  plane.close();
  await server.close();
  await start(options);
}

beforeEach(() => start());

afterEach(async () => {
  plane.close();
  await server.close();
});

const sotw = (signal?: AbortSignal) =>
  openStream((requests: AsyncIterable<SotwInit>) => ads.streamAggregatedResources(requests, { signal }));
const delta = () => openStream((requests: AsyncIterable<DeltaInit>) => ads.deltaAggregatedResources(requests));
const codeOf = async (promise: Promise<unknown>) => {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return ConnectError.from(error).code;
  }
};
const kinds = () => events.map((event) => event.kind);

describe("aggregated streams", () => {
  test("a state-of-the-world client gets, acknowledges, rejects", async () => {
    plane.setSnapshot(service("web", 80, 1));
    const stream = sotw();
    stream.send({ typeUrl: cds, node: { id: "n1", cluster: "edge", locality: { zone: "z1" } } });
    const first = await stream.read();
    expect(first).toMatchObject({ typeUrl: cds, versionInfo: service("web", 80, 1).version(cds) });
    expect(first.resources.map(({ typeUrl }) => typeUrl)).toEqual([cds]);
    stream.send({ typeUrl: cds, versionInfo: first.versionInfo, responseNonce: first.nonce });
    plane.setSnapshot(createSnapshot({ clusters: [cluster("other")] }));
    const second = await stream.read();
    stream.send({
      typeUrl: cds,
      versionInfo: first.versionInfo,
      responseNonce: second.nonce,
      errorDetail: { code: 3, message: "cannot" },
    });
    await vi.waitFor(() => expect(kinds()).toEqual(["connected", "pushed", "acked", "pushed", "rejected"]));
    expect(events.at(-1)).toMatchObject({ node: { id: "n1" }, type: "cluster", reason: "cannot", names: ["other"] });
    expect(plane.status()).toMatchObject([
      {
        node: { id: "n1", cluster: "edge", zone: "z1" },
        protocol: "sotw",
        aggregated: true,
        types: [
          {
            typeUrl: cds,
            subscribed: "*",
            acked: { version: first.versionInfo },
            rejecting: true,
            lastNack: { reason: "cannot", version: second.versionInfo },
          },
        ],
      },
    ]);
    stream.end();
    await stream.done();
    await vi.waitFor(() => expect(kinds().at(-1)).toBe("disconnected"));
    expect(plane.status()).toEqual([]);
  });

  test("a delta client gets resources by version, and removals", async () => {
    plane.setSnapshot(createSnapshot({ clusters: [cluster("a"), cluster("b")] }));
    const stream = delta();
    stream.send({ typeUrl: cds, node: { id: "n1" } });
    const first = await stream.read();
    expect(first.resources.map(({ name }) => name)).toEqual(["a", "b"]);
    stream.send({ typeUrl: cds, responseNonce: first.nonce });
    plane.setSnapshot(createSnapshot({ clusters: [cluster("a")] }));
    expect(await stream.read()).toMatchObject({ resources: [], removedResources: ["b"] });
    stream.end();
  });

  test("a request without a type ends the stream", async () => {
    const stream = sotw();
    stream.send({ node: { id: "n1" } });
    expect(await codeOf(stream.read())).toBe(Code.InvalidArgument);
  });

  test("types that nobody knows do not disturb the others", async () => {
    plane.setSnapshot(service("web", 80, 1));
    const stream = sotw();
    for (let number = 0; number < 20; number += 1) {
      stream.send({ typeUrl: `type.googleapis.com/test.Type${number}`, resourceNames: ["x"] });
    }
    stream.send({ typeUrl: cds });
    expect((await stream.read()).typeUrl).toBe(cds);
    stream.end();
  });

  test("clients get the snapshot of their group, and else the one for everyone", async () => {
    await restart({ nodeHash: (node) => node?.cluster ?? "" });
    plane.setSnapshot(createSnapshot({ clusters: [cluster("of-everyone")] }));
    plane.setSnapshot(createSnapshot({ clusters: [cluster("of-edge")] }), "edge");
    const read = async (group: string) => {
      const stream = delta();
      stream.send({ typeUrl: cds, node: { id: group, cluster: group } });
      const response = await stream.read();
      return { stream, names: response.resources.map(({ name }) => name) };
    };
    const [edge, inside] = [await read("edge"), await read("inside")];
    expect([edge.names, inside.names]).toEqual([["of-edge"], ["of-everyone"]]);
    expect(plane.clearSnapshot("edge")).toBe(false);
    edge.stream.end();
    inside.stream.end();
    await vi.waitFor(() => expect(plane.clearSnapshot("edge")).toBe(true));
    expect((await read("edge")).names).toEqual(["of-everyone"]);
  });

  test("a node that the hash refuses is refused", async () => {
    await restart({
      nodeHash: () => {
        throw new Error("secret reason");
      },
    });
    const stream = sotw();
    stream.send({ typeUrl: cds });
    const error = await stream.read().catch((cause) => ConnectError.from(cause));
    expect(error).toMatchObject({ code: Code.InvalidArgument });
    expect(String(error)).not.toContain("secret");
  });

  test("an error in the callback ends the stream it is about, and no other", async () => {
    await restart({
      onEvent(event) {
        if (event.kind === "connected" && event.node.id === "bad") throw new ConnectError("no", Code.PermissionDenied);
      },
    });
    plane.setSnapshot(service("web", 80, 1));
    const good = sotw();
    good.send({ typeUrl: cds, node: { id: "good" } });
    await good.read();
    const bad = sotw();
    bad.send({ typeUrl: cds, node: { id: "bad" } });
    expect(await codeOf(bad.read())).toBe(Code.PermissionDenied);
    expect(plane.status().map(({ node }) => node.id)).toEqual(["good"]);
    good.end();
  });

  test("a client that goes away is forgotten", async () => {
    plane.setSnapshot(service("web", 80, 1));
    const controller = new AbortController();
    const stream = sotw(controller.signal);
    stream.send({ typeUrl: cds });
    await stream.read();
    controller.abort();
    await vi.waitFor(() => expect(plane.status()).toEqual([]));
  });

  test("an error in the callback about a client that is gone does no harm", async () => {
    const warnings: string[] = [];
    await restart({
      log: { info: () => {}, warn: (_fields, message) => warnings.push(message) },
      onEvent(event) {
        if (event.kind === "disconnected") throw new Error("late");
      },
    });
    plane.setSnapshot(service("web", 80, 1));
    const controller = new AbortController();
    const stream = sotw(controller.signal);
    stream.send({ typeUrl: cds });
    await stream.read();
    controller.abort();
    await vi.waitFor(() => expect(warnings).toEqual([expect.stringContaining("callback failed")]));
  });

  test("closing ends every stream with UNAVAILABLE, and refuses new ones", async () => {
    plane.setSnapshot(service("web", 80, 1));
    const streams = [sotw(), sotw()];
    for (const stream of streams) {
      stream.send({ typeUrl: cds });
      await stream.read();
    }
    plane.close();
    for (const stream of streams) expect(await codeOf(stream.read())).toBe(Code.Unavailable);
    const late = sotw();
    late.send({ typeUrl: cds });
    expect(await codeOf(late.read())).toBe(Code.Unavailable);
  });

  test("a client that asks for more names than allowed is cut off", async () => {
    await restart({ maxNames: 10 });
    const stream = delta();
    stream.send({ typeUrl: eds, resourceNamesSubscribe: Array.from({ length: 20 }, (_, index) => `e${index}`) });
    expect(await codeOf(stream.read().then(() => stream.read()))).toBe(Code.ResourceExhausted);
  });

  test("a client that does not read costs one response, whatever changes meanwhile", async () => {
    const of = (port: number) => createSnapshot({ endpoints: [endpoints("web", port)] });
    plane.setSnapshot(of(1));
    const stream = sotw();
    stream.send({ typeUrl: eds, resourceNames: ["web"] });
    await vi.waitFor(() => expect(kinds()).toContain("pushed"));
    for (let port = 2; port <= 500; port += 1) plane.setSnapshot(of(port));
    await sleep(50);
    expect(kinds().filter((kind) => kind === "pushed")).toHaveLength(1);
    const first = await stream.read();
    stream.send({ typeUrl: eds, resourceNames: ["web"], responseNonce: first.nonce, versionInfo: first.versionInfo });
    expect((await stream.read()).versionInfo).toBe(of(500).version(eds));
    expect(kinds().filter((kind) => kind === "pushed")).toHaveLength(2);
    stream.end();
  });

  test("listeners wait for endpoints no longer than the patience", async () => {
    await restart({ patienceMs: 50 });
    plane.setSnapshot(service("web", 80, 1));
    const stream = sotw();
    stream.send({ typeUrl: cds });
    const first = await stream.read();
    stream.send({ typeUrl: cds, versionInfo: first.versionInfo, responseNonce: first.nonce });
    stream.send({ typeUrl: lds });
    expect((await stream.read()).typeUrl).toBe(lds);
    stream.end();
  });

  test("many streams over one connection are apart", async () => {
    plane.setSnapshot(service("web", 80, 1));
    const streams = Array.from({ length: 10 }, (_, index) => {
      const stream = delta();
      stream.send({ typeUrl: index % 2 === 0 ? cds : lds, node: { id: `n${index}` } });
      return stream;
    });
    const answers = await Promise.all(streams.map((stream) => stream.read()));
    expect(answers.map(({ typeUrl }) => typeUrl)).toEqual(streams.map((_, index) => (index % 2 === 0 ? cds : lds)));
    expect(plane.status()).toHaveLength(10);
    for (const stream of streams) stream.end();
  });
});

describe("streams of one type", () => {
  const of = {
    clusters: () => createClient(ClusterDiscoveryService, transport),
    endpoints: () => createClient(EndpointDiscoveryService, transport),
    listeners: () => createClient(ListenerDiscoveryService, transport),
    routes: () => createClient(RouteDiscoveryService, transport),
  };
  type Requests<Init> = AsyncIterable<Init>;

  test.each([
    [cds, (r: Requests<SotwInit>) => of.clusters().streamClusters(r)],
    [eds, (r: Requests<SotwInit>) => of.endpoints().streamEndpoints(r)],
    [lds, (r: Requests<SotwInit>) => of.listeners().streamListeners(r)],
    [rds, (r: Requests<SotwInit>) => of.routes().streamRoutes(r)],
  ])("%s as state of the world, with the type left out", async (typeUrl, method) => {
    plane.setSnapshot(service("web", 80, 1));
    const stream = openStream(method);
    stream.send({ resourceNames: ["web"] });
    expect(await stream.read()).toMatchObject({ typeUrl, resources: [{ typeUrl }] });
    stream.end();
  });

  test.each([
    [cds, (r: Requests<DeltaInit>) => of.clusters().deltaClusters(r)],
    [eds, (r: Requests<DeltaInit>) => of.endpoints().deltaEndpoints(r)],
    [lds, (r: Requests<DeltaInit>) => of.listeners().deltaListeners(r)],
    [rds, (r: Requests<DeltaInit>) => of.routes().deltaRoutes(r)],
  ])("%s as delta, with the type left out", async (typeUrl, method) => {
    plane.setSnapshot(service("web", 80, 1));
    const stream = openStream(method);
    stream.send({ resourceNamesSubscribe: ["web"] });
    expect(await stream.read()).toMatchObject({ typeUrl, resources: [{ name: "web" }] });
    stream.end();
  });

  test("a request for another type ends the stream", async () => {
    const stream = openStream((requests: Requests<SotwInit>) => of.clusters().streamClusters(requests));
    stream.send({ typeUrl: eds });
    expect(await codeOf(stream.read())).toBe(Code.InvalidArgument);
  });
});
