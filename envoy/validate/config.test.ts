import { type DescField, getOption, hasOption } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { describe, expect, test } from "vitest";
import { ClusterSchema } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import { type FieldRules, FieldRulesSchema, rules as ruleOption } from "../gen/validate/validate_pb.js";
import { envoyTypes } from "../types.ts";
import { parseConfig, readConfig } from "./config.ts";
import { ConfigError, formatProblem } from "./problem.ts";
import { rules } from "./rules.ts";

/** Problems of a cluster as they are shown. */
function clusterProblems(text: string): readonly string[] {
  return readConfig(text, ClusterSchema).problems.map((problem) => formatProblem(problem));
}

describe("fields", () => {
  test("an unknown one is reported with its line and with what was probably meant", () => {
    expect(clusterProblems("name: orders\nconect_timeout: 1s\n")).toEqual([
      "2:1: error: conect_timeout: unknown field of envoy.config.cluster.v3.Cluster; did you mean connect_timeout?",
    ]);
  });

  test("an unknown one is found within Any", () => {
    const text = `
name: orders
transport_socket:
  name: tls
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
    common_tls_context: { alpn_protocol: [h2] }
`;
    expect(clusterProblems(text)).toEqual([
      expect.stringContaining(
        "7:27: error: transport_socket.typed_config.common_tls_context.alpn_protocol: unknown field",
      ),
    ]);
  });

  test("all problems are reported at once, in the order of the text", () => {
    const text = "name: 7\ntype: EDSS\nconnect_timeout: soon\nhealth_checks: {}\nload_assignment: []\n";
    expect(clusterProblems(text)).toEqual([
      "1:1: error: name: expected string, got 7",
      '2:1: error: type: must be one of STATIC, STRICT_DNS, LOGICAL_DNS, EDS, ORIGINAL_DST, not "EDSS"; did you mean EDS?',
      '3:1: error: connect_timeout: must be a duration such as "1.5s", not "soon"',
      "4:1: error: health_checks: must be a list, not an object",
      "5:1: error: load_assignment: must be an object (envoy.config.endpoint.v3.ClusterLoadAssignment), not a list",
    ]);
  });

  test("rules are checked beside fields, except where a field could not be read", () => {
    expect(clusterProblems("name: ''\nconect_timeout: 1s\nconnect_timeout: soon\ndns_refresh_rate: 0s\n")).toEqual([
      "1:1: error: name: must not be empty",
      "2:1: error: conect_timeout: unknown field of envoy.config.cluster.v3.Cluster; did you mean connect_timeout?",
      '3:1: error: connect_timeout: must be a duration such as "1.5s", not "soon"',
      "4:1: error: dns_refresh_rate: must be greater than 0.001s, not 0s",
    ]);
  });

  test("the place of a broken rule is found in either spelling", () => {
    expect(clusterProblems("name: orders\nhealthChecks:\n- timeout: 1s\n  interval: 0s\n")).toContain(
      "4:3: error: health_checks[0].interval: must be greater than 0s, not 0s",
    );
    expect(clusterProblems("name: orders\nconnectTimeout: 0s\n")).toEqual([
      "2:1: error: connect_timeout: must be greater than 0s, not 0s",
    ]);
  });

  test("a number that is none is told what numbers there are", () => {
    expect(clusterProblems("name: orders\nper_connection_buffer_limit_bytes: -1\n")).toEqual([
      "2:1: error: per_connection_buffer_limit_bytes: must be a whole number from 0 to 4294967295, not -1",
    ]);
  });

  test("both spellings of a name are known, but not both at once", () => {
    expect(clusterProblems("name: orders\nconnectTimeout: 1s\n")).toEqual([]);
    expect(clusterProblems("name: orders\nconnectTimeout: 1s\nconnect_timeout: 2s\n")).toEqual([
      "3:1: error: connect_timeout: cannot be set together with connectTimeout",
    ]);
  });

  test("two of a oneof cannot be set together", () => {
    expect(clusterProblems("name: orders\ntype: EDS\ncluster_type: { name: custom }\n")).toEqual([
      "3:1: error: cluster_type: cannot be set together with type",
    ]);
  });

  test("a deprecated one is a warning", () => {
    expect(clusterProblems("name: orders\nuse_tcp_for_dns_lookups: true\n")).toEqual([
      "2:1: warning: use_tcp_for_dns_lookups: is deprecated: a later Envoy will refuse it",
    ]);
  });

  test("a misspelt extension is an error", () => {
    const text = typed("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContest");
    expect(clusterProblems(text)).toEqual([expect.stringMatching(/5:5: error: .*UpstreamTlsContext\?$/)]);
  });

  test("an extension that is not Envoy's is a warning, and the rest is checked", () => {
    const text = `${typed("type.googleapis.com/shop.Socket")}connect_timeout: 0s\n`;
    expect(clusterProblems(text)).toEqual([
      expect.stringMatching(
        /5:5: warning: .*unknown type type.googleapis.com\/shop.Socket: what is in it was not checked$/,
      ),
      "6:1: error: connect_timeout: must be greater than 0s, not 0s",
    ]);
  });

  test("an extension without a type is an error", () => {
    expect(clusterProblems("name: a\ntransport_socket: { name: b, typed_config: { x: 1 } }\n")).toEqual([
      expect.stringContaining('typed_config: needs "@type"'),
    ]);
  });

  test("a key that is there twice is an error", () => {
    expect(clusterProblems("name: a\nname: b\n")).toEqual(["2:1: error: Map keys must be unique"]);
  });

  test("a number beyond 2^53 loses nothing", () => {
    const { message } = readConfig("name: a\nring_hash_lb_config: { maximum_ring_size: 8388608 }", ClusterSchema);
    expect(message?.lbConfig.value).toMatchObject({ maximumRingSize: 8_388_608n });
    const problems = clusterProblems("name: a\nring_hash_lb_config: { maximum_ring_size: 9007199254740993 }");
    expect(problems).toEqual([expect.stringContaining("not 9007199254740993")]);
  });

  test("a text that is no YAML is an error, not an exception", () => {
    expect(clusterProblems("name: [")).toEqual([expect.stringMatching(/^1:8: error: /)]);
  });

  test.each([
    ["", "1:1: error: is empty"],
    ["# nothing\n", "1:1: error: is empty"],
    ["name: a\n---\nname: b\n", 'holds several documents: a file is one; list resources under "resources"'],
    ["lb_endpoints: &a [*a]", "1:1: error: is nested too deeply, or within itself"],
    [`name: ${"[".repeat(20_000)}`, "is nested too deeply"],
  ])("%.20j is an error in plain words", (text, problem) => {
    expect(clusterProblems(text)[0]).toContain(problem);
  });

  test("bytes that are no UTF-8 are an error with their place", () => {
    const { message, problems } = readConfig(Buffer.from("name: a\nalt_stat_name: caf\xe9\n", "latin1"), ClusterSchema);
    expect([message, problems.map((problem) => formatProblem(problem))]).toEqual([
      undefined,
      ["2:19: error: is not UTF-8"],
    ]);
  });

  test("a byte order mark is passed over", () => {
    const { message } = readConfig(Buffer.from("\ufeffname: a\nconnect_timeout: 1s\n"), ClusterSchema);
    expect(message?.name).toBe("a");
  });

  test("aliases without end are an error", () => {
    const bomb = [
      "a: &a [x, x]",
      ...["b", "c", "d", "e", "f"].map((name, i) => {
        const before = "abcde"[i];
        return `${name}: &${name} [${Array(9).fill(`*${before}`).join(", ")}]`;
      }),
    ].join("\n");
    expect(clusterProblems(bomb)).toEqual([expect.stringContaining("Excessive alias count")]);
  });
});

describe("rules of Envoy's protos", () => {
  test.each([
    ["name: ''", "name: must not be empty"],
    ["name: a\nconnect_timeout: -1s", "connect_timeout: must be greater than 0s, not -1s"],
    [
      "name: a\noutlier_detection: { max_ejection_percent: 101 }",
      "outlier_detection.max_ejection_percent: must be at most 100, not 101",
    ],
    ["name: a\nlb_policy: 99", "lb_policy: must be one of"],
    ["name: a\nhealth_checks: [{ timeout: 1s }]", "health_checks[0].interval: is required"],
    ["name: a\nhealth_checks: [{ timeout: 1s }]", "health_checks[0]: needs one of http_health_check, tcp_health_check"],
    [
      "name: a\nload_assignment: { cluster_name: a, endpoints: [{ priority: 200 }] }",
      "priority: must be at most 128, not 200",
    ],
    [
      "name: a\nlb_subset_config: { subset_selectors: [{ keys: [], single_host_per_subset: true, fallback_policy: 9 }] }",
      "fallback_policy: must be one of",
    ],
  ])("%j: %s", (text, problem) => {
    expect(clusterProblems(text)).toContainEqual(expect.stringContaining(problem));
  });

  test("hold within Any", () => {
    const text = `
name: orders
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    common_http_protocol_options: { max_headers_count: 0 }
`;
    const path = 'typed_extension_protocol_options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]';
    expect(clusterProblems(text)).toEqual([
      `4:3: error: ${path}: needs one of explicit_http_config, use_downstream_protocol_config, auto_config`,
      `6:37: error: ${path}.common_http_protocol_options.max_headers_count: must be at least 1, not 0`,
    ]);
  });

  test("every rule that a proto of Envoy's states is one that is checked", () => {
    const elsewhere = ["items", "keys", "values", "required", "ignore_empty", "defined_only", "strict", "skip"];
    const messages = [...envoyTypes].filter((type) => type.kind === "message");
    const used = new Set(messages.flatMap(({ fields }) => fields).flatMap(ruleNames));
    const unchecked = [...used].filter((name) => rules[name] === undefined && !elsewhere.includes(name));
    expect(unchecked).toEqual([]);
    expect(used.size).toBeGreaterThan(15);
  });
});

describe("what a text is", () => {
  test("a bootstrap, if nothing says otherwise", () => {
    expect(readConfig("admin: {}").schema.typeName).toBe("envoy.config.bootstrap.v3.Bootstrap");
  });

  test("a discovery response by its resources, as in a file for SDS", () => {
    expect(readConfig("resources: []").schema.typeName).toBe("envoy.service.discovery.v3.DiscoveryResponse");
  });

  test("any resource by its type", () => {
    const { schema, problems } = readConfig(`"@type": type.googleapis.com/${ClusterSchema.typeName}\nname: a`);
    expect([schema, problems]).toEqual([ClusterSchema, []]);
  });
});

test("parseConfig throws all errors together", () => {
  const read = () => parseConfig(ClusterSchema, "nam: a\nconnect_timeout: x");
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(/did you mean name\?\s[\s\S]*connect_timeout/);
});

function typed(typeUrl: string): string {
  return `name: a\ntransport_socket:\n  name: b\n  typed_config:\n    "@type": ${typeUrl}\n`;
}

/** Names of the rules that a field states, those for its items, keys and values included. */
function ruleNames(field: DescField): readonly string[] {
  return hasOption(field, ruleOption) ? namesIn(getOption(field, ruleOption)) : [];
}

function namesIn({ type }: FieldRules): readonly string[] {
  const desc = type.case === undefined ? undefined : FieldRulesSchema.field[type.case].message;
  if (desc === undefined || type.case === undefined) return [];
  const set = reflect(desc, type.value);
  const nested = desc.fields.flatMap((rule) => {
    const isNested =
      rule.fieldKind === "message" && rule.message.typeName === FieldRulesSchema.typeName && set.isSet(rule);
    return isNested ? namesIn(set.get(rule).message as FieldRules) : [];
  });
  return [...desc.fields.filter((rule) => set.isSet(rule)).map(({ name }) => name), ...nested];
}
