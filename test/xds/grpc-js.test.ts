import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type Client, credentials, Client as GrpcClient, Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import { register } from "@grpc/grpc-js-xds";
import { ListenerSchema } from "envoy-config-tools/gen/envoy/config/listener/v3/listener_pb";
import { RouteConfigurationSchema } from "envoy-config-tools/gen/envoy/config/route/v3/route_pb";
import { type ControlPlane, createControlPlane } from "envoy-config-tools/xds/control-plane.ts";
import { type ListeningServer, listen } from "envoy-config-tools/xds/listen.ts";
import { typeUrls } from "envoy-config-tools/xds/resource-type.ts";
import { createSnapshot, type Snapshot } from "envoy-config-tools/xds/snapshot.ts";
import { apiListener, cluster, endpoints, route } from "envoy-config-tools/xds/testing/resources.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "./envoy.ts";

/** What `xds:///` of grpc-js asks for: a listener of the name that is called. */
const target = "orders.example";
const path = "/test.Name/Get";

interface NamedServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** A gRPC server that answers every call with its name. */
async function startNamed(name: string): Promise<NamedServer> {
  const server = new Server();
  const bytes = {
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
  server.addService(
    { get: { path, requestStream: false, responseStream: false, ...bytes } },
    { get: (_call: unknown, answer: (error: null, reply: Buffer) => void) => answer(null, Buffer.from(name)) },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
  return { port, stop: () => new Promise((resolve) => server.tryShutdown(() => resolve())) };
}

function identity(value: Buffer): Buffer {
  return value;
}

let plane: ControlPlane;
let server: ListeningServer;
let red: NamedServer;
let blue: NamedServer;
let client: Client;

beforeAll(async () => {
  [red, blue] = await Promise.all([startNamed("red"), startNamed("blue")]);
  plane = createControlPlane();
  server = await listen({ port: 0, routes: plane.routes });
  process.env.GRPC_XDS_BOOTSTRAP_CONFIG = JSON.stringify({
    xds_servers: [
      {
        server_uri: `127.0.0.1:${server.port}`,
        channel_creds: [{ type: "insecure" }],
        server_features: ["xds_v3"],
      },
    ],
    node: { id: "grpc-js", locality: {} },
  });
  register();
  client = new GrpcClient(`xds:///${target}`, credentials.createInsecure());
});

afterAll(async () => {
  client.close();
  plane.close();
  await server.close();
  await Promise.all([red.stop(), blue.stop()]);
});

/** The name of the server that answered, or why none did. */
function call(): Promise<string> {
  return new Promise((resolve) => {
    const deadline = Date.now() + 10_000;
    client.makeUnaryRequest(path, identity, identity, Buffer.from(""), new Metadata(), { deadline }, (error, reply) =>
      resolve(error === null && reply !== undefined ? reply.toString() : `${error?.code} ${error?.details}`),
    );
  });
}

/** Calls one after another, all the time, each answer counted. */
function steadyCalls() {
  const answers = new Map<string, number>();
  let running = true;
  const done = (async () => {
    while (running) {
      const answer = await call();
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  })();
  return {
    answers,
    stop: async () => {
      running = false;
      await done;
    },
  };
}

const leadingTo = (name: string, to: NamedServer): Snapshot =>
  createSnapshot({
    listeners: [apiListener(target, "orders")],
    routes: [route("orders", name)],
    clusters: [cluster(name)],
    endpoints: [endpoints(name, to.port)],
  });

const statusOf = (typeUrl: string) => plane.status()[0]?.types.find((type) => type.typeUrl === typeUrl);
const inSync = () =>
  (plane.status()[0]?.types ?? []).length === 4 && (plane.status()[0]?.types ?? []).every((t) => t.inSync);
const answered = (name: string) => until(name, async () => (await call()) === name);

test("the resolver finds the backend by listener, route, cluster, endpoints, asking for names", async () => {
  plane.setSnapshot(leadingTo("red", red));
  expect(await call()).toBe("red");
  await until("in sync", inSync);
  const [status] = plane.status();
  expect(status).toMatchObject({ node: { id: "grpc-js" }, protocol: "sotw" });
  expect(status?.types.map(({ subscribed }) => subscribed)).toEqual([1, 1, 1, 1]);
});

test("new endpoints are reached without a failed call", async () => {
  const calls = steadyCalls();
  for (const [name, to] of [
    ["blue", blue],
    ["red", red],
    ["blue", blue],
  ] as const) {
    plane.setSnapshot(leadingTo("red", to));
    await answered(name);
  }
  await calls.stop();
  expect([...calls.answers.keys()].sort()).toEqual(["blue", "red"]);
});

test("a new cluster is reached and the old one goes without a failed call", async () => {
  plane.setSnapshot(leadingTo("red", red));
  await answered("red");
  const calls = steadyCalls();
  for (const [name, to] of [
    ["blue", blue],
    ["red", red],
    ["blue", blue],
  ] as const) {
    plane.setSnapshot(leadingTo(name, to));
    await answered(name);
    await until("in sync", inSync);
  }
  await calls.stop();
  expect([...calls.answers.keys()].sort()).toEqual(["blue", "red"]);
});

test("what it rejects is shown with the reason, and calls go on", async () => {
  plane.setSnapshot(leadingTo("red", red));
  await answered("red");
  const calls = steadyCalls();
  const typeUrl = typeUrls.listener;
  const broken = create(ListenerSchema, {
    name: target,
    // No HTTP connection manager: gRPC cannot use it.
    apiListener: { apiListener: anyPack(RouteConfigurationSchema, create(RouteConfigurationSchema)) },
  });
  plane.setSnapshot(
    createSnapshot({
      listeners: [broken],
      routes: [route("orders", "red")],
      clusters: [cluster("red")],
      endpoints: [endpoints("red", red.port)],
    }),
  );
  await until("rejected", () => statusOf(typeUrl)?.rejecting === true);
  expect(statusOf(typeUrl)?.lastNack).toMatchObject({
    names: [target],
    reason: expect.stringContaining("api_listener"),
  });
  plane.setSnapshot(leadingTo("blue", blue));
  await answered("blue");
  await until("in sync", inSync);
  await calls.stop();
  expect([...calls.answers.keys()].sort()).toEqual(["blue", "red"]);
});

test("a new control plane is no event for calls", async () => {
  plane.setSnapshot(leadingTo("red", red));
  await answered("red");
  const calls = steadyCalls();
  const { port } = server;
  plane.close();
  await server.close();
  plane = createControlPlane();
  server = await listen({ port, routes: plane.routes });
  plane.setSnapshot(leadingTo("red", red));
  await until("connected again", () => plane.status().length === 1);
  plane.setSnapshot(leadingTo("blue", blue));
  await answered("blue");
  await calls.stop();
  expect([...calls.answers.keys()].sort()).toEqual(["blue", "red"]);
});
