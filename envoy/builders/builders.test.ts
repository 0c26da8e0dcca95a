import { AnySchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { type Bootstrap, BootstrapSchema } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { ClusterSchema } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import { plainConfig, renderYaml } from "../render/render.ts";
import { staticConfig } from "../render/static-config.ts";
import { requireEnvoy } from "../testing/envoy.ts";
import { sampleBootstrap, sampleBootstrapOptions, sampleResources } from "../testing/sample.ts";
import { checkRules } from "../validate/check-rules.ts";
import { readConfig } from "../validate/config.ts";
import { askEnvoy } from "../validate/envoy.ts";
import { bootstrap } from "./bootstrap.ts";
import { cluster } from "./cluster.ts";
import { endpoints } from "./endpoints.ts";
import { httpFilters } from "./http-filters.ts";
import { jwtAuthentication } from "./jwt.ts";
import { rateLimit } from "./rate-limit.ts";
import { milliseconds, socketAddress } from "./values.ts";

const everything = () => staticConfig(bootstrap(sampleBootstrapOptions), sampleResources());

describe("what the builders build", () => {
  test("is taken by Envoy without a warning, all in one file", async () => {
    expect(await askEnvoy(requireEnvoy(), everything())).toEqual({ accepted: true, warnings: [] });
  });

  test("is taken by Envoy without a warning, with a control plane", async () => {
    expect(await askEnvoy(requireEnvoy(), sampleBootstrap())).toEqual({ accepted: true, warnings: [] });
  });

  test.each([
    ["a control plane", sampleBootstrap],
    ["one file", everything],
  ])("keeps the rules of Envoy's protos: %s", (_, build: () => Bootstrap) => {
    expect(checkRules(BootstrapSchema, build())).toEqual([]);
  });

  test("comes back from YAML as it was, without a problem", () => {
    const built = everything();
    expect(readConfig(renderYaml(BootstrapSchema, built))).toEqual({
      schema: BootstrapSchema,
      message: built,
      problems: [],
    });
  });

  test("does not depend on the order of endpoints", () => {
    const [a, b] = [
      { address: "10.0.0.1", port: 2, zone: "b" },
      { address: "10.0.0.1", port: 1, zone: "a" },
    ];
    expect(endpoints("orders", [a, b])).toEqual(endpoints("orders", [b, a]));
  });
});

describe("bootstrap", () => {
  test("keeps the administration on loopback unless told otherwise", () => {
    expect(plainConfig(BootstrapSchema, sampleBootstrap())).toMatchObject({
      admin: { address: { socket_address: { address: "127.0.0.1" } } },
    });
  });

  test("has the administration at a socket that is its owner's alone", () => {
    const made = bootstrap({ node: { id: "edge-1", cluster: "edge" }, admin: { socket: "/run/envoy/admin.sock" } });
    expect(plainConfig(BootstrapSchema, made)).toMatchObject({
      admin: { address: { pipe: { path: "/run/envoy/admin.sock", mode: 0o600 } } },
    });
  });

  test("asks the control plane for changes only, over one stream", () => {
    expect(plainConfig(BootstrapSchema, sampleBootstrap())).toMatchObject({
      dynamic_resources: {
        ads_config: {
          api_type: "DELTA_GRPC",
          grpc_services: [{ envoy_grpc: { cluster_name: "xds_control_plane" } }],
        },
        lds_config: { ads: {} },
        cds_config: { ads: {} },
      },
    });
  });
});

describe("cluster", () => {
  const orders = cluster({ name: "orders", protocol: "http2", endpoints: { from: "eds" } });

  test("bounds connections, requests and retries for both priorities", () => {
    const limits = {
      max_connections: 1024,
      max_pending_requests: 1024,
      max_requests: 1024,
      retry_budget: { budget_percent: { value: 20 }, min_retry_concurrency: 10 },
      track_remaining: true,
    };
    expect(plainConfig(ClusterSchema, orders)).toMatchObject({
      circuit_breakers: { thresholds: [limits, { priority: "HIGH", ...limits }] },
    });
  });

  test("closes idle HTTP/1.1 connections before a Node server does", () => {
    const rest = cluster({ name: "rest", protocol: "http1", endpoints: { from: "eds" } });
    expect(JSON.stringify(plainConfig(ClusterSchema, rest))).toContain(
      '"common_http_protocol_options":{"idle_timeout":"4s"}',
    );
  });

  test("shows its certificate, and believes only servers of the given name", () => {
    const secure = cluster({
      name: "orders",
      protocol: "http2",
      endpoints: { from: "eds" },
      tls: {
        certificate: { name: "identity", file: "/certs/sds.json" },
        servers: {
          authorities: { name: "trust", file: "/certs/sds.json" },
          names: [{ type: "uri", exact: "spiffe://shop/orders" }],
        },
      },
    });
    const file = { path_config_source: { path: "/certs/sds.json" } };
    expect(plainConfig(ClusterSchema, secure)).toMatchObject({
      transport_socket: {
        typed_config: {
          common_tls_context: {
            alpn_protocols: ["h2"],
            tls_certificate_sds_secret_configs: [{ name: "identity", sds_config: file }],
            combined_validation_context: {
              default_validation_context: {
                match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: "spiffe://shop/orders" } }],
              },
              validation_context_sds_secret_config: { name: "trust", sds_config: file },
            },
          },
        },
      },
    });
  });
});

describe("filters", () => {
  test("stand in the order that works, whatever the order of the options", () => {
    const chain = httpFilters({
      grpcWeb: true,
      rateLimit: true,
      admissionControl: {},
      cors: true,
      healthPath: "/health",
    });
    expect(chain.map(({ name }) => name.replace("envoy.filters.http.", ""))).toEqual([
      "health_check",
      "cors",
      "local_ratelimit",
      "admission_control",
      "grpc_web",
      "router",
    ]);
  });

  test("limit bodies only where a route asks for it", () => {
    expect(httpFilters({ buffer: true }).map(({ disabled }) => disabled)).toEqual([true, false]);
  });

  test("refuse a JWT requirement that names no provider", () => {
    const requirements = { user: { providers: ["nobody"] } };
    expect(() => jwtAuthentication({ providers: {}, requirements, defaultRequirement: "user" })).toThrow(RangeError);
  });

  test("refuse a default JWT requirement that is not there", () => {
    expect(() => jwtAuthentication({ providers: {}, requirements: {}, defaultRequirement: "user" })).toThrow(
      'no JWT requirement "user"',
    );
  });

  test("refuse a JWT provider without an audience", () => {
    const providers = { ours: { issuer: "us", audiences: [], keys: { inline: "{}" } } };
    const requirements = { user: { providers: ["ours"] } };
    expect(() => jwtAuthentication({ providers, requirements, defaultRequirement: "user" })).toThrow(RangeError);
  });

  test("refuse a rate limit of less than one request", () => {
    expect(() => rateLimit({ requestsPerSecond: 0.5 })).toThrow(RangeError);
  });

  test.each([
    [{ requestsPerSecond: 50 }, { max_tokens: 50, tokens_per_fill: 5, fill_interval: "0.100s" }],
    [
      { requestsPerSecond: 5, burst: 20 },
      { max_tokens: 20, tokens_per_fill: 5, fill_interval: "1s" },
    ],
    [{ requestsPerSecond: 25 }, { max_tokens: 25, tokens_per_fill: 25, fill_interval: "1s" }],
  ])("grant %j in a bucket that never grants more", (limit, bucket) => {
    const [config] = Object.values(rateLimit(limit));
    if (config === undefined) throw new Error("no configuration");
    expect(plainConfig(AnySchema, config)).toMatchObject({ token_bucket: bucket });
  });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])("%s is no duration", (value) => {
  expect(() => milliseconds(value)).toThrow(RangeError);
});

test.each([-1, 65_536, 1.5])("%s is no port", (port) => {
  expect(() => socketAddress("127.0.0.1", port)).toThrow(RangeError);
});
