import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { InstanceState, MeshService } from "@ordermesh/proto/ordermesh/mesh/v1/mesh_pb";
import { FailureService } from "@ordermesh/proto/ordermesh/order/v1/failure_pb";
import type { Role } from "@ordermesh/runtime/auth/principal.ts";
import type { Instance } from "@ordermesh/runtime/discovery/instance.ts";
import { createClient } from "@ordermesh/runtime/rpc/caller.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { typeUrls } from "envoy-config-tools/xds/resource-type.ts";
import { createSnapshot } from "envoy-config-tools/xds/snapshot.ts";
import { cluster, endpoints } from "envoy-config-tools/xds/testing/resources.ts";
import { describe, expect, test } from "vitest";
import { type MeshView, meshService } from "./mesh-service.ts";

const instance: Instance = {
  service: "order",
  instanceId: "order-1",
  rpcServices: ["ordermesh.order.v1.FailureService"],
  address: "10.0.0.1",
  port: 7001,
  zone: "a",
  version: "1.2.3",
  protocols: ["h2", "http/1.1"],
  startedAt: 2_000,
  state: "ready",
};

const snapshot = createSnapshot({ clusters: [cluster("order")], endpoints: [endpoints("order", 7001)] });

const view: MeshView = {
  definitions: [
    { name: "order", rpcServices: [FailureService] },
    { name: "mesh", rpcServices: [MeshService] },
  ],
  instances: () => [
    instance,
    { ...instance, instanceId: "order-2", port: 7002, startedAt: 1_000, state: "draining", version: "1.2.2" },
    { ...instance, service: "guest", instanceId: "guest-1", rpcServices: ["guest.v1.Guests"] },
  ],
  snapshot: () => snapshot,
  proxies: () => [
    {
      connected: true,
      status: {
        node: { id: "envoy-1", cluster: "c", zone: "", userAgent: "envoy 1.40.0" },
        group: "",
        protocol: "delta",
        aggregated: true,
        connectedSince: 3_000,
        types: [
          {
            typeUrl: typeUrls.cluster,
            subscribed: "*",
            version: "new",
            acked: { version: "old", at: 4_000 },
            inSync: false,
            pending: false,
            rejecting: true,
            lastNack: { version: "new", reason: "no such policy", at: 5_000, names: ["order"] },
          },
        ],
      },
    },
  ],
  registryProblem: () => "the registry does not answer",
};

async function client(role: Role = "operator") {
  const caller = localCaller(await registryOf([meshService(view)]));
  const principal = { id: "op", roles: new Set([role]), kind: "jwt", seesPersonalData: false } as const;
  return createClient(MeshService, {
    unary: (method, request, options) => caller.unary(method, request, { principal, ...options }),
  });
}

describe("ListServices", () => {
  test("has every service that is known, and who came uninvited", async () => {
    const { services } = await (await client()).listServices({});
    expect(
      services.map(({ name, readyInstances, drainingInstances }) => [name, readyInstances, drainingInstances]),
    ).toEqual([
      ["guest", 1, 0],
      ["mesh", 0, 0],
      ["order", 1, 1],
    ]);
  });

  test("says which versions run side by side", async () => {
    const { services } = await (await client()).listServices({});
    expect(services.find(({ name }) => name === "order")).toMatchObject({
      versions: ["1.2.2", "1.2.3"],
      rpcServices: ["ordermesh.order.v1.FailureService"],
    });
  });
});

describe("ListInstances", () => {
  test("gives a service's instances, oldest first", async () => {
    const { instances } = await (await client()).listInstances({ service: "order" });
    expect(instances.map(({ instanceId, state, port }) => [instanceId, state, port])).toEqual([
      ["order-2", InstanceState.DRAINING, 7002],
      ["order-1", InstanceState.READY, 7001],
    ]);
    expect(instances[1]).toMatchObject({ zone: "a", version: "1.2.3", startTime: timestampFromMs(2_000) });
  });

  test("of all services without a name", async () => {
    expect((await (await client()).listInstances({})).instances).toHaveLength(3);
  });
});

describe("GetConfigStatus", () => {
  test("says what is served", async () => {
    const { status } = await (await client()).getConfigStatus({});
    expect(status?.resourceTypes.map(({ typeUrl, resources }) => [typeUrl, resources])).toEqual([
      [typeUrls.cluster, 1],
      [typeUrls.endpoint, 1],
      [typeUrls.listener, 0],
      [typeUrls.route, 0],
    ]);
    expect(status?.resourceTypes[0]?.version).toBe(snapshot.version(typeUrls.cluster));
  });

  test("says what a proxy has refused, why and when", async () => {
    const { status } = await (await client()).getConfigStatus({});
    expect(status?.proxies).toMatchObject([
      {
        nodeId: "envoy-1",
        userAgent: "envoy 1.40.0",
        connected: true,
        types: [
          {
            version: "new",
            ackedVersion: "old",
            ackedTime: timestampFromMs(4_000),
            inSync: false,
            rejecting: true,
            lastRejection: {
              version: "new",
              reason: "no such policy",
              rejectedTime: timestampFromMs(5_000),
              resources: ["order"],
            },
          },
        ],
      },
    ]);
  });

  test("says when all this may be old", async () => {
    const { status } = await (await client()).getConfigStatus({});
    expect(status?.registryProblem).toBe("the registry does not answer");
  });
});

test("a user learns nothing of the mesh", async () => {
  const users = await client("user");
  for (const call of [users.listServices({}), users.listInstances({}), users.getConfigStatus({})]) {
    await expect(call).rejects.toMatchObject({ code: Code.PermissionDenied });
  }
});
