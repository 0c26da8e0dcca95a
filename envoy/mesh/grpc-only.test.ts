import { create, type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { bootstrap } from "../builders/bootstrap.ts";
import { ClusterDiscoveryService } from "../gen/envoy/service/cluster/v3/cds_pb.js";
import { staticConfig } from "../render/static-config.ts";
import { requireEnvoy } from "../testing/envoy.ts";
import { askEnvoy } from "../validate/envoy.ts";
import { createSnapshot } from "../xds/snapshot.ts";
import { meshModel } from "./mesh-model.ts";
import { meshResources } from "./resources.ts";
import { rpcServicesFrom } from "./rpc-service.ts";

/** What `buf build -o` writes: a file and all that it imports. */
function descriptorSet(top: DescFile): Uint8Array {
  const files = new Map<string, DescFile>();
  const add = (file: DescFile): void => {
    if (files.has(file.name)) return;
    file.dependencies.forEach(add);
    files.set(file.name, file);
  };
  add(top);
  return toBinary(
    FileDescriptorSetSchema,
    create(FileDescriptorSetSchema, { file: [...files.values()].map((file) => file.proto) }),
  );
}

const set = descriptorSet(ClusterDiscoveryService.file);
const typeName = ClusterDiscoveryService.typeName;

/** As of somebody with gRPC services in any language: a descriptor set, addresses, nothing else. */
const model = meshModel({
  services: [
    {
      name: "discovery",
      rpcServices: rpcServicesFrom(set, [typeName]),
      instances: [{ address: "10.0.0.7", port: 9000, zone: "", state: "ready" }],
    },
  ],
  edge: { listen: { address: "127.0.0.1", port: 8080 } },
});
const resources = meshResources(model);

describe("a descriptor set", () => {
  test("has the methods of a service", () => {
    const [service] = rpcServicesFrom(set, [typeName], () => ({ access: "public", timeoutMs: 500 }));
    expect(
      service?.methods.map(({ name, streaming, access, timeoutMs }) => [name, streaming, access, timeoutMs]),
    ).toEqual([
      ["StreamClusters", true, "public", 500],
      ["DeltaClusters", true, "public", 500],
      ["FetchClusters", false, "public", 500],
    ]);
  });

  test("that lacks a service says which it has", () => {
    expect(() => rpcServicesFrom(set, ["shop.v1.Orders"])).toThrow(
      `no service shop.v1.Orders in the descriptor set; it has ${typeName}`,
    );
  });
});

describe("a mesh of services that speak gRPC alone", () => {
  test("has one cluster a service, over HTTP/2", () => {
    expect(resources.clusters?.map(({ name }) => name)).toEqual(["discovery"]);
  });

  test("has routes for gRPC, and nothing for Connect or REST", () => {
    const routes = resources.routes?.[0]?.virtualHosts[0]?.routes ?? [];
    expect(routes.map(({ name, action }) => [name, action.case])).toEqual([
      [`${typeName}/StreamClusters grpc`, "route"],
      [`${typeName}/DeltaClusters grpc`, "route"],
      [`${typeName}/FetchClusters grpc`, "route"],
      [`${typeName}/* grpc`, "route"],
      ["nobody", "directResponse"],
    ]);
  });

  test("refers to nothing that is not there", () => {
    expect(createSnapshot(resources).inconsistencies()).toEqual([]);
  });

  test("is taken by Envoy", async () => {
    const start = bootstrap({ node: { id: "a", cluster: "b" }, admin: { port: 0 } });
    const verdict = await askEnvoy(requireEnvoy(), staticConfig(start, resources));
    expect(verdict).toEqual({ accepted: true, warnings: [] });
  });
});

test("what a model says comes before the defaults", () => {
  const edge = { ...model.edge, allowedOrigins: ["https://shop.example"], healthPath: "/up" };
  const { accessLog, edge: made } = meshModel({ services: [], accessLog: "off", edge });
  expect([accessLog, made.allowedOrigins, made.healthPath, made.maxRequestBytes]).toEqual([
    "off",
    ["https://shop.example"],
    "/up",
    4_194_304,
  ]);
});
