import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { anyPack, DurationSchema, StringValueSchema } from "@bufbuild/protobuf/wkt";
import {
  HealthCheck_HttpHealthCheckSchema,
  HealthCheckSchema,
} from "envoy-config-tools/gen/envoy/config/core/v3/health_check_pb";
import { FilterChainSchema } from "envoy-config-tools/gen/envoy/config/listener/v3/listener_components_pb";
import { HttpProtocolOptionsSchema } from "envoy-config-tools/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb";
import { type ControlPlane, type ControlPlaneEvent, createControlPlane } from "envoy-config-tools/xds/control-plane.ts";
import { type ListeningServer, listen } from "envoy-config-tools/xds/listen.ts";
import { typeUrls } from "envoy-config-tools/xds/resource-type.ts";
import type { Protocol } from "envoy-config-tools/xds/session.ts";
import { createSnapshot } from "envoy-config-tools/xds/snapshot.ts";
import { cluster, endpoints, listener, route, service } from "envoy-config-tools/xds/testing/resources.ts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Backend, freePort, get, type RunningEnvoy, startBackend, startEnvoy, traffic, until } from "./envoy.ts";

let red: Backend;
let blue: Backend;

beforeAll(async () => {
  [red, blue] = await Promise.all([startBackend("red"), startBackend("blue")]);
});

afterAll(async () => {
  await Promise.all([red, blue].map((backend) => backend[Symbol.asyncDispose]()));
});

describe.each<Protocol>(["sotw", "delta"])("Envoy over ADS, %s", (protocol) => {
  let plane: ControlPlane;
  let server: ListeningServer;
  let envoy: RunningEnvoy;
  let port: number;
  let events: ControlPlaneEvent[];

  async function startPlane(at = 0): Promise<void> {
    events = [];
    // An Envoy does all that the control plane waits for: patience is never needed.
    plane = createControlPlane({ onEvent: (event) => events.push(event), patienceMs: 60_000 });
    server = await listen({ port: at, routes: plane.routes });
  }

  async function stopPlane(): Promise<void> {
    plane.close();
    await server.close();
  }

  const inSync = () => {
    const types = plane.status().flatMap(({ types }) => types);
    return types.length >= 4 && types.every((type) => type.inSync);
  };
  const answered = (answer: string) => until(answer, async () => (await get(port)) === answer);
  const pushes = (label?: string) =>
    events.filter((event) => event.kind === "pushed" && (label === undefined || event.type === label));

  beforeEach(async () => {
    port = await freePort();
    await startPlane();
    envoy = await startEnvoy({ protocol, controlPlanePort: server.port });
  });

  afterEach(async () => {
    await envoy.stop();
    await stopPlane();
  });

  test("gets everything, acknowledges it, and is shown in the status", async () => {
    plane.setSnapshot(service("web", port, red.port));
    await answered("200 red");
    await until("in sync", inSync);
    const [status] = plane.status();
    expect(status).toMatchObject({ node: { id: "test", cluster: "tests" }, protocol, aggregated: true });
    expect(status?.node.userAgent).toMatch(/^envoy 1\.\d+/);
    const { cluster, endpoint, listener, route } = typeUrls;
    expect(status?.types.map((type) => type.typeUrl)).toEqual([cluster, endpoint, listener, route]);
  });

  test("a changed cluster with the same endpoints warms up: 502 becomes 200", async () => {
    const http2 = create(HttpProtocolOptionsSchema, {
      upstreamProtocolOptions: {
        case: "explicitHttpConfig",
        value: { protocolConfig: { case: "http2ProtocolOptions", value: {} } },
      },
    });
    const wrong = cluster("web");
    wrong.typedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] = anyPack(
      HttpProtocolOptionsSchema,
      http2,
    );
    const rest = {
      endpoints: [endpoints("web", red.port)],
      listeners: [listener("web", port, "web")],
      routes: [route("web", "web")],
    };
    plane.setSnapshot(createSnapshot({ clusters: [wrong], ...rest }));
    await until("502", async () => /^50[23] /.test(await get(port)));
    plane.setSnapshot(createSnapshot({ clusters: [cluster("web")], ...rest }));
    await answered("200 red");
    await until("in sync", inSync);
    expect(await envoy.stat("cluster_manager.warming_clusters")).toBe(0);
  });

  test("a second cluster over endpoints that are known already warms up", async () => {
    const rest = { endpoints: [endpoints("web", red.port)], listeners: [listener("web", port, "web")] };
    const first = cluster("first", { serviceName: "web" });
    const second = cluster("second", { serviceName: "web" });
    plane.setSnapshot(createSnapshot({ clusters: [first], routes: [route("web", "first")], ...rest }));
    await answered("200 red");
    const load = traffic(port);
    plane.setSnapshot(createSnapshot({ clusters: [second], routes: [route("web", "second")], ...rest }));
    await until("in sync", inSync);
    expect(await envoy.stat("cluster.second.upstream_rq_total")).toBeGreaterThan(0);
    await load.stop();
    expect([...load.answers.keys()]).toEqual(["200 red"]);
  });

  test("a cluster that is removed and added again warms up", async () => {
    const both = createSnapshot({
      clusters: [cluster("web"), cluster("other")],
      endpoints: [endpoints("web", red.port), endpoints("other", blue.port)],
      listeners: [listener("web", port, "web")],
      routes: [route("web", "web")],
    });
    plane.setSnapshot(both);
    await answered("200 red");
    plane.setSnapshot(service("web", port, red.port));
    await until("removed", async () => (await envoy.stat("cluster_manager.active_clusters")) === 2);
    plane.setSnapshot(both);
    await until("added", async () => (await envoy.stat("cluster_manager.active_clusters")) === 3);
    expect(await envoy.stat("cluster_manager.warming_clusters")).toBe(0);
  });

  test("traffic moves between clusters that come and go without a failed request", async () => {
    const at = (color: "red" | "blue", to: Backend) =>
      createSnapshot({
        clusters: [cluster(color)],
        endpoints: [endpoints(color, to.port)],
        listeners: [listener("web", port, "web")],
        routes: [route("web", color)],
      });
    plane.setSnapshot(at("red", red));
    await answered("200 red");
    const load = traffic(port);
    for (const [color, backend] of [
      ["blue", blue],
      ["red", red],
      ["blue", blue],
      ["red", red],
    ] as const) {
      plane.setSnapshot(at(color, backend));
      await answered(`200 ${color}`);
      await until("in sync", inSync);
    }
    await load.stop();
    expect([...load.answers.keys()].sort()).toEqual(["200 blue", "200 red"]);
    // The other one is gone: the control plane's own cluster and the one in use are left.
    await until("removed", async () => (await envoy.stat("cluster_manager.active_clusters")) === 2);
  });

  test("a route to a new cluster waits for its health checks", async () => {
    const checked = (name: string, to: Backend) => {
      const checking = cluster(name);
      checking.healthChecks = [
        create(HealthCheckSchema, {
          timeout: create(DurationSchema, { seconds: 1n }),
          interval: create(DurationSchema, { seconds: 1n }),
          unhealthyThreshold: 1,
          healthyThreshold: 1,
          healthChecker: {
            case: "httpHealthCheck",
            value: create(HealthCheck_HttpHealthCheckSchema, { path: "/slow" }),
          },
        }),
      ];
      return createSnapshot({
        clusters: [checking],
        endpoints: [endpoints(name, to.port)],
        listeners: [listener("web", port, "web")],
        routes: [route("web", name)],
      });
    };
    plane.setSnapshot(checked("red", red));
    await answered("200 red");
    const load = traffic(port);
    plane.setSnapshot(checked("blue", blue));
    await answered("200 blue");
    await load.stop();
    expect([...load.answers.keys()].sort()).toEqual(["200 blue", "200 red"]);
  });

  test("updates that overtake each other fail no request", async () => {
    const at = (color: "red" | "blue", revision: number) =>
      createSnapshot({
        clusters: [cluster(color, { timeoutMs: 1_000 + revision }), cluster(`extra-${revision % 3}`)],
        endpoints: [endpoints(color, (color === "red" ? red : blue).port), endpoints(`extra-${revision % 3}`, 1)],
        listeners: [listener("web", port, "web")],
        routes: [route("web", color)],
      });
    plane.setSnapshot(at("red", 0));
    await answered("200 red");
    const load = traffic(port);
    for (let revision = 1; revision <= 100; revision += 1) {
      plane.setSnapshot(at(revision % 2 === 0 ? "red" : "blue", revision));
      await sleep((revision * 7) % 30);
    }
    await until("in sync", inSync);
    await load.stop();
    expect([...load.answers.keys()].sort()).toEqual(["200 blue", "200 red"]);
    expect(await get(port)).toBe("200 red");
  });

  test("a listener that Envoy rejects is shown with the reason, not sent again, and does not disturb the others", async () => {
    plane.setSnapshot(service("web", port, red.port));
    await answered("200 red");
    const load = traffic(port);
    const broken = listener("broken", 1, "web");
    const nonsense = { case: "typedConfig", value: anyPack(StringValueSchema, create(StringValueSchema)) } as const;
    broken.filterChains = [create(FilterChainSchema, { filters: [{ name: "nonsense", configType: nonsense }] })];
    plane.setSnapshot(
      createSnapshot({
        clusters: [cluster("web")],
        endpoints: [endpoints("web", red.port)],
        listeners: [listener("web", port, "web"), broken],
        routes: [route("web", "web")],
      }),
    );
    const listeners = () => plane.status()[0]?.types.find((type) => type.typeUrl === typeUrls.listener);
    await until("rejected", () => listeners()?.rejecting === true);
    expect(listeners()?.lastNack?.reason).toMatch(/nonsense/);
    expect(listeners()?.inSync).toBe(false);
    const sent = pushes("listener").length;
    // A change of something else is no reason to try again.
    plane.setSnapshot(
      createSnapshot({
        clusters: [cluster("web")],
        endpoints: [endpoints("web", blue.port)],
        listeners: [listener("web", port, "web"), broken],
        routes: [route("web", "web")],
      }),
    );
    await answered("200 blue");
    expect(pushes("listener")).toHaveLength(sent);
    expect(events.filter((event) => event.kind === "rejected")).toHaveLength(1);
    plane.setSnapshot(service("web", port, red.port));
    await answered("200 red");
    await until("in sync", inSync);
    await load.stop();
    expect([...load.answers.keys()].sort()).toEqual(["200 blue", "200 red"]);
  });

  test("a new control plane with the same resources is no event: no request fails and nothing is loaded anew", async () => {
    plane.setSnapshot(service("web", port, red.port));
    await answered("200 red");
    await until("in sync", inSync);
    const load = traffic(port);
    const at = server.port;
    await stopPlane();
    await until("cut off", async () => (await envoy.stat("control_plane.connected_state")) === 0);
    await startPlane(at);
    plane.setSnapshot(service("web", port, red.port));
    await until("in sync", inSync);
    await load.stop();
    expect([...load.answers.keys()]).toEqual(["200 red"]);
    expect([...pushes("cluster"), ...pushes("listener")]).toEqual([]);
    if (protocol === "delta") expect(pushes()).toEqual([]);
    expect(await envoy.stat("cluster_manager.cluster_modified")).toBe(0);
    expect(await envoy.stat("listener_manager.listener_modified")).toBe(0);
    plane.setSnapshot(service("web", port, blue.port));
    await answered("200 blue");
  });

  test("what changed while there was no control plane arrives with the next one", async () => {
    plane.setSnapshot(service("web", port, red.port));
    await answered("200 red");
    const load = traffic(port);
    const at = server.port;
    await stopPlane();
    await startPlane(at);
    plane.setSnapshot(
      createSnapshot({
        clusters: [cluster("web", { timeoutMs: 2_000 })],
        endpoints: [endpoints("web", blue.port)],
        listeners: [listener("web", port, "web")],
        routes: [route("web", "web")],
      }),
    );
    await answered("200 blue");
    await load.stop();
    expect([...load.answers.keys()].sort()).toEqual(["200 blue", "200 red"]);
  });
});
