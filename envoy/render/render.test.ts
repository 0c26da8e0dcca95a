import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { bootstrap } from "../builders/bootstrap.ts";
import { cluster } from "../builders/cluster.ts";
import { BootstrapSchema } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { ClusterSchema } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import { sampleBootstrap, sampleBootstrapOptions, sampleResources } from "../testing/sample.ts";
import { parseConfig, readConfig } from "../validate/config.ts";
import { plainConfig, renderJson, renderResource, renderYaml } from "./render.ts";
import { staticConfig } from "./static-config.ts";

const orders = cluster({ name: "orders", protocol: "http2", endpoints: { from: "eds" } });

describe("a rendered message", () => {
  test("reads back from JSON as it was", () => {
    expect(parseConfig(ClusterSchema, renderJson(ClusterSchema, orders))).toEqual(orders);
  });

  test("quotes what YAML 1.1, which Envoy reads, takes for a boolean", () => {
    const text = renderYaml(ClusterSchema, create(ClusterSchema, { name: "on" }));
    expect(text).toBe('name: "on"\n');
    expect(parse(text, { version: "1.1" })).toEqual({ name: "on" });
  });

  test("says first of which type an extension is", () => {
    const { typed_extension_protocol_options: options } = JSON.parse(renderJson(ClusterSchema, orders));
    expect(Object.keys(options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"])[0]).toBe("@type");
  });

  test("as a resource says itself what it is", () => {
    const text = renderResource(ClusterSchema, orders);
    expect(text).toMatch(/^"@type": type.googleapis.com\/envoy.config.cluster.v3.Cluster\n/);
    expect(readConfig(text)).toMatchObject({ schema: ClusterSchema, message: orders, problems: [] });
  });
});

describe("a configuration in one file", () => {
  test("has neither a control plane nor a way to it", () => {
    const { dynamicResources, staticResources } = staticConfig(sampleBootstrap(), sampleResources());
    expect(dynamicResources).toBeUndefined();
    expect(staticResources?.clusters.map(({ name }) => name)).toEqual(["orders", "orders.http1", "collector"]);
  });

  test("leaves what it was made of as it was", () => {
    const [start, resources] = [sampleBootstrap(), sampleResources()];
    staticConfig(start, resources);
    expect([start, resources]).toEqual([sampleBootstrap(), sampleResources()]);
  });

  test("has the endpoints under the cluster's own name", () => {
    const plain = plainConfig(BootstrapSchema, staticConfig(bootstrap(sampleBootstrapOptions), sampleResources()));
    expect(plain).toMatchObject({
      static_resources: {
        clusters: [{}, { name: "orders.http1", load_assignment: { cluster_name: "orders.http1" } }, {}],
      },
    });
  });

  test("is refused where a listener's routes are not there", () => {
    const { routes: _, ...rest } = sampleResources();
    expect(() => staticConfig(sampleBootstrap(), rest)).toThrow("listener edge: no route configuration edge");
  });
});
