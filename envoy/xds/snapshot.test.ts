import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ClusterSchema } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import { typeUrls } from "./resource-type.ts";
import { createSnapshot } from "./snapshot.ts";
import { apiListener, cluster, endpoints, listener, route, service } from "./testing/resources.ts";

describe("versions", () => {
  test("equal content has equal versions, in whatever order it comes", () => {
    const one = createSnapshot({ clusters: [cluster("a"), cluster("b")] });
    const other = createSnapshot({ clusters: [cluster("b"), cluster("a")] });
    expect(other.version(typeUrls.cluster)).toBe(one.version(typeUrls.cluster));
  });

  test("a change of one resource changes its version and that of its type, and nothing else", () => {
    const one = createSnapshot({ clusters: [cluster("a"), cluster("b")], routes: [route("r", "a")] });
    const other = createSnapshot({
      clusters: [cluster("a", { timeoutMs: 1 }), cluster("b")],
      routes: [route("r", "a")],
    });
    const version = (snapshot: typeof one, name: string) => snapshot.resources(typeUrls.cluster).get(name)?.version;
    expect(version(other, "a")).not.toBe(version(one, "a"));
    expect(version(other, "b")).toBe(version(one, "b"));
    expect(other.version(typeUrls.cluster)).not.toBe(one.version(typeUrls.cluster));
    expect(other.version(typeUrls.route)).toBe(one.version(typeUrls.route));
  });

  test("a type without resources has a version too", () => {
    expect(createSnapshot({}).version(typeUrls.cluster)).toBe(
      createSnapshot({ clusters: [] }).version(typeUrls.cluster),
    );
    expect(createSnapshot({}).version("type.googleapis.com/some.Thing")).not.toBe("");
  });

  test("endpoints have a new version after a change of a cluster that uses them, and only then", () => {
    const version = (timeoutMs: number, name: string) => {
      const clusters = [
        cluster("a", { timeoutMs, serviceName: "shared" }),
        cluster("b", { serviceName: "shared" }),
        cluster("c"),
      ];
      const snapshot = createSnapshot({ clusters, endpoints: [endpoints("shared", 1), endpoints("c", 2)] });
      return snapshot.resources(typeUrls.endpoint).get(name)?.version;
    };
    expect(version(2, "shared")).not.toBe(version(1, "shared"));
    expect(version(2, "c")).toBe(version(1, "c"));
  });
});

describe("names", () => {
  test("two resources of one name are refused", () => {
    expect(() => createSnapshot({ clusters: [cluster("a"), cluster("a")] })).toThrow(/two .* cluster .* a$/);
  });

  test("a resource without a name is refused", () => {
    expect(() => createSnapshot({ clusters: [create(ClusterSchema)] })).toThrow(/cluster has no name/);
  });
});

describe("consistency", () => {
  test("one service is consistent", () => {
    expect(service("web", 80, 1).inconsistencies()).toEqual([]);
    expect(service("web", 80, 1).consistent()).toBe(true);
  });

  test("missing endpoints are named with the clusters that need them", () => {
    const clusters = [cluster("a", { serviceName: "e" }), cluster("b", { serviceName: "e" })];
    expect(createSnapshot({ clusters }).inconsistencies()).toMatchObject([
      { kind: "missing", typeUrl: typeUrls.endpoint, name: "e", neededBy: ["cluster a", "cluster b"] },
    ]);
  });

  test("missing routes are named with their listeners, also those of gRPC clients", () => {
    const listeners = [listener("l", 80, "r"), apiListener("orders.example", "s")];
    const texts = createSnapshot({ listeners })
      .inconsistencies()
      .map(({ text }) => text);
    expect(texts).toEqual([
      "listener l refers to route r, which is missing",
      "listener orders.example refers to route s, which is missing",
    ]);
  });

  test("what nobody needs is named", () => {
    const snapshot = createSnapshot({ endpoints: [endpoints("a", 1)], routes: [route("r", "a")] });
    expect(snapshot.inconsistencies().map(({ text }) => text)).toEqual([
      "nothing uses endpoint a",
      "nothing uses route r",
    ]);
    expect(snapshot.consistent()).toBe(false);
  });
});
