import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { requireEnvoy } from "../testing/envoy.ts";
import { temporaryFolder } from "../testing/temporary.ts";
import { runCli } from "./cli.ts";

const sample = join(import.meta.dirname, "../testing/sample-config.ts");

/** A bootstrap with an extension that neither this package nor Envoy knows. */
const custom = `bootstrap_extensions:
- name: custom
  typed_config: { "@type": type.googleapis.com/shop.v1.Extension, key: 1 }
`;

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(...args: string[]): Promise<Outcome> {
  const text = { out: "", err: "" };
  const code = await runCli(args, {
    out: (more) => {
      text.out += more;
    },
    err: (more) => {
      text.err += more;
    },
  });
  return { code, ...text };
}

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return path;
}

describe("usage", () => {
  test("lists the commands", async () => {
    const { code, out } = await run("--help");
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/render .*\n.*validate .*\n.*diff .*\n.*routes .*\n.*serve /),
    ]);
  });

  test.each(["render", "validate", "diff", "routes", "serve"])("explains %s and its exit codes", async (command) => {
    const { code, out } = await run(command, "--help");
    expect([code, out]).toEqual([0, expect.stringMatching(`^usage: envoy-config ${command} [^]*exit codes: 0`)]);
  });

  test.each([
    [["validat"], 'no command "validat"'],
    [["validate"], "validate takes one file"],
    [["validate", "--strict", "x.yaml"], "Unknown option '--strict'"],
    [["validate", "nowhere.yaml"], "nowhere.yaml: no such file or folder"],
    [["diff", sample], "diff takes two files"],
    [["render", sample, "--format", "toml"], "--format is yaml or json, not toml"],
    [["serve", "folder", "--port", "http"], "--port is a number up to 65535, not http"],
    [["serve", "folder", "--cert", "tls.crt"], "--cert, --key, --ca and --allow go together"],
  ])("%j is wrong usage", async (args, message) => {
    const { code, err } = await run(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  test("tells its version", async () => {
    expect(await run("--version")).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: "" });
  });

  test("a folder without a configuration is wrong usage", async () => {
    expect(await run("validate", folder)).toMatchObject({ code: 2 });
  });
});

describe("render", () => {
  test("writes a module's bootstrap as YAML", async () => {
    expect(await run("render", sample)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^node:\n {2}id: edge-1\n/),
    });
  });

  test("writes JSON", async () => {
    const { out } = await run("render", sample, "--format", "json");
    expect(JSON.parse(out)).toMatchObject({ node: { id: "edge-1" } });
  });

  test("puts the resources into the bootstrap", async () => {
    const { out } = await run("render", sample, "--static", "--format", "json");
    const { static_resources: fixed } = JSON.parse(out);
    expect(fixed.clusters.map(({ name, type }: { name: string; type: string }) => [name, type])).toEqual([
      ["orders", "STATIC"],
      ["orders.http1", "STATIC"],
      ["collector", "STRICT_DNS"],
    ]);
    expect(JSON.stringify(fixed.listeners)).toContain('"route_config":{"name":"edge"');
  });

  test("writes files that only their owner may read, and that validate takes", async () => {
    const { out } = await run("render", sample, "--out", join(folder, "made"));
    const files = out.trim().split("\n");
    expect(files.map((file) => statSync(file).mode & 0o777)).toEqual(files.map(() => 0o600));
    expect(readdirSync(join(folder, "made/resources")).sort()).toEqual([
      "cluster-load-assignment.yaml",
      "cluster.yaml",
      "listener.yaml",
      "route-configuration.yaml",
    ]);
    expect(await run("validate", join(folder, "made"), "--no-envoy")).toMatchObject({ code: 0 });
  });

  test("says at once where nothing can be written", async () => {
    expect(await run("render", sample, "--out", "/proc/made/here")).toMatchObject({
      code: 2,
      err: expect.stringContaining("cannot write into /proc/made/here: "),
    });
  });

  test("writes nothing of a configuration that breaks a rule", async () => {
    const file = write("bad.yaml", "admin: { address: { socket_address: { address: '', port_value: 1 } } }");
    expect(await run("render", file)).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining("admin.address.socket_address.address: must not be empty"),
    });
  });

  test("removes what an earlier run wrote and is no longer there", async () => {
    const module = write("changing.mjs", `export { resources } from ${JSON.stringify(sample)};\n`);
    await run("render", module, "--out", folder);
    await run("render", sample, "--out", folder, "--format", "json");
    expect(readdirSync(join(folder, "resources")).sort()).toEqual([
      "cluster-load-assignment.json",
      "cluster.json",
      "listener.json",
      "route-configuration.json",
    ]);
  });

  test("refuses extensions whose types are unknown: it would lose what is in them", async () => {
    const file = write("custom.yaml", custom);
    expect(await run("render", file)).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining("unknown types"),
    });
    expect(await run("diff", file, file)).toMatchObject({ code: 1, out: "" });
  });

  test("refuses a module that exports nothing of use", async () => {
    const file = write("empty.mjs", "export const nothing = 1;\n");
    expect(await run("render", file)).toMatchObject({ code: 2, err: expect.stringContaining("exports neither") });
  });
});

describe("validate", () => {
  test("asks Envoy about a module's whole configuration", async () => {
    const { code, out } = await run("validate", sample, "--envoy", requireEnvoy());
    expect([code, out]).toEqual([0, `valid, and taken by Envoy: ${sample}\n`]);
  });

  test("reports all problems with file, line and column", async () => {
    const file = write("bad.yaml", "node: { idd: a }\nadmin: { address: { socket_address: { address: a } } }\n");
    expect(await run("validate", file, "--no-envoy")).toMatchObject({
      code: 1,
      out: `${file}:1:9: error: node.idd: unknown field of envoy.config.core.v3.Node; did you mean id?
${file}:2:21: error: admin.address.socket_address: needs one of port_value, named_port
`,
    });
  });

  test("passes over extensions whose types are unknown, and gives Envoy the file as it is", async () => {
    const file = write("custom.yaml", custom);
    expect(await run("validate", file, "--no-envoy")).toMatchObject({
      code: 0,
      out: expect.stringContaining("warning: bootstrap_extensions[0].typed_config"),
    });
    expect(await run("validate", file, "--envoy", requireEnvoy())).toMatchObject({
      code: 1,
      out: expect.stringContaining("error: Envoy: "),
    });
  });

  test.each([
    ["export const resources = { cluster: [] };", 'has no list "cluster", only listeners, routes, clusters'],
    ["export const resources = { clusters: [null] };", "has clusters that are no list of what builders make"],
    ["export const resources = null;", "must hold lists: listeners, routes"],
    ["export const bootstrap = null;", '"bootstrap" is not what bootstrap() builds'],
    ["export const bootstrap = () => { throw new Error('no such key'); };", "config.mjs: no such key"],
  ])("says what is wrong with the module %j", async (text, problem) => {
    const module = write("config.mjs", text);
    await expect(run("validate", module).then(({ err }) => err, String)).resolves.toContain(problem);
  });

  test("reports what no control plane serves", async () => {
    write("address.json", '{"@type": "type.googleapis.com/envoy.config.core.v3.Pipe", "path": "/run/a"}');
    const { code, out } = await run("validate", folder, "--no-envoy");
    expect([code, out]).toEqual([
      1,
      `${folder}: error: envoy.config.core.v3.Pipe is nothing that a control plane serves\n`,
    ]);
  });

  test("names the resource of a module that breaks a rule", async () => {
    const schema = join(import.meta.dirname, "../gen/envoy/config/cluster/v3/cluster_pb.js");
    const module = write(
      "bad.ts",
      `import { create } from "${import.meta.resolve("@bufbuild/protobuf")}";
import { ClusterSchema } from "${schema}";
export const resources = { clusters: [create(ClusterSchema, { name: "orders", lbPolicy: 99 })] };\n`,
    );
    expect(await run("validate", module, "--no-envoy")).toMatchObject({
      code: 1,
      out: expect.stringContaining(`${module}: error: Cluster.orders.lb_policy: must be one of`),
    });
  });

  test("reports what only Envoy finds", async () => {
    const { out: yaml } = await run("render", sample, "--static");
    const file = write("bad.yaml", yaml.replace("/v[12]/login", "/v[12/login"));
    expect(await run("validate", file, "--envoy", requireEnvoy())).toMatchObject({
      code: 1,
      out: expect.stringMatching(/error: Envoy: .*missing \]/),
    });
  });

  test("reports a resource that refers to one that is not there", async () => {
    await run("render", sample, "--out", folder);
    writeFileSync(join(folder, "resources/cluster-load-assignment.yaml"), "resources: []\n");
    expect(await run("validate", folder, "--no-envoy")).toMatchObject({
      code: 1,
      out: expect.stringMatching(/error: .*orders/),
    });
  });

  test("writes problems as JSON", async () => {
    const file = write("bad.yaml", "nod: {}\n");
    const { code, out } = await run("validate", file, "--no-envoy", "--json");
    expect([code, JSON.parse(out)]).toEqual([
      1,
      [expect.objectContaining({ file, path: ["nod"], line: 1, severity: "error" })],
    ]);
  });

  test("checks a file of secrets", async () => {
    const type = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
    const file = write("sds.yaml", `resources:\n- "@type": ${type}\n  name: a\n  tls_certificat: {}\n`);
    expect(await run("validate", file, "--no-envoy")).toMatchObject({
      code: 1,
      out: expect.stringContaining(":4:3: error: resources[0].tls_certificat: unknown field"),
    });
  });
});

describe("diff", () => {
  test("finds no difference between a configuration and itself in other words", async () => {
    const { out: yaml } = await run("render", sample, "--static");
    const { out: json } = await run("render", sample, "--static", "--format", "json");
    const camel = json.replaceAll('"connect_timeout"', '"connectTimeout"');
    expect(await run("diff", write("a.yaml", yaml), write("b.json", camel))).toMatchObject({ code: 0, out: "" });
  });

  test("names the resource and the field", async () => {
    const { out: yaml } = await run("render", sample, "--static");
    const changed = yaml.replace("timeout: 2s", "timeout: 3s").replaceAll("name: collector", "name: otel");
    const { code, out } = await run("diff", write("a.yaml", yaml), write("b.yaml", changed));
    expect(code).toBe(1);
    expect(out).toContain("- cluster collector\n+ cluster otel\n~ listener edge\n");
    expect(out).toContain('virtual_hosts.shop.routes.GetOrder.route.timeout: "2s" -> "3s"\n');
  });

  test("refuses to compare what is invalid", async () => {
    const file = write("bad.yaml", "nod: {}\n");
    expect(await run("diff", file, file)).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining("unknown field"),
    });
  });
});

describe("routes", () => {
  test("prints what goes where, in Envoy's order", async () => {
    const { code, out } = await run("routes", sample);
    expect(code).toBe(0);
    expect(out.split("\n").map((line) => line.replace(/ {2,}/g, " | "))).toEqual([
      "ROUTES | HOST | NAME | MATCH | TO | TIMEOUT | RETRY | AUTH | LIMIT",
      "edge | * | internal | /internal/* | answer 404 | open",
      "edge | * | login | ~/v[12]/login x-kind=user | orders.http1 | 15s | open",
      "edge | * | GetOrder | POST /shop.v1.Orders/GetOrder grpc | orders | 2s | 2x connect-failure,refused-stream,reset,unavailable,cancelled",
      "edge | * | item | GET,HEAD /v1/orders/{order}/items/* | orders.http1 | 15s | 1x connect-failure,refused-stream,reset,gateway-error | any",
      "edge | * | rest | /* | orders.http1 | 15s | 50/s, burst 50",
      "",
    ]);
  });

  test("says the same of the one-file form", async () => {
    const { out: yaml } = await run("render", sample, "--static");
    expect((await run("routes", write("all.yaml", yaml), "--json")).out).toBe(
      (await run("routes", sample, "--json")).out,
    );
  });

  test("says so where there are none", async () => {
    expect(await run("routes", write("empty.yaml", "node: { id: a }"))).toMatchObject({ code: 0, out: "no routes\n" });
  });
});

describe("serve", () => {
  test("serves until a signal comes", async () => {
    await run("render", sample, "--out", folder);
    const lines: string[] = [];
    const output = { out: (text: string) => lines.push(text), err: (text: string) => lines.push(text) };
    const code = runCli(["serve", join(folder, "resources"), "--port", "0"], output);
    await vi.waitFor(() => expect(lines).toEqual([expect.stringMatching(/^ready 127\.0\.0\.1:\d+\n$/)]));
    process.emit("SIGTERM");
    expect(await code).toBe(0);
  });

  test("does not serve an extension whose type is unknown: it could only leave it out", async () => {
    const type = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
    const config = '{ name: a, typed_config: { "@type": type.googleapis.com/shop.v1.Extension } }';
    write("cluster.yaml", `"@type": ${type}\nname: a\nupstream_config: ${config}\n`);
    expect(await run("serve", folder, "--port", "0")).toMatchObject({
      code: 1,
      err: expect.stringContaining("cluster.yaml: holds extensions of unknown types, which cannot be served"),
    });
  });

  test("does not start with a folder that is invalid", async () => {
    write("cluster.yaml", "resources: [{}]\n");
    expect(await run("serve", folder, "--port", "0")).toMatchObject({
      code: 1,
      err: expect.stringContaining('cluster.yaml:1:13: error: resources[0]: needs "@type"'),
    });
  });
});
