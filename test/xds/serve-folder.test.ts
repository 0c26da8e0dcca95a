import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FolderContent } from "envoy-config-tools/xds/resource-folder.ts";
import { type FolderServer, serveFolder } from "envoy-config-tools/xds/serve-folder.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { temporaryDirectory } from "../support/temporary.ts";
import { type Backend, freePort, get, type RunningEnvoy, startBackend, startEnvoy, until } from "./envoy.ts";

let directory: string;
let port: number;
let readings: FolderContent[];
let server: FolderServer | undefined;
let envoy: RunningEnvoy | undefined;
let red: Backend;
let blue: Backend;

beforeEach(async () => {
  directory = temporaryDirectory("resources");
  port = await freePort();
  readings = [];
  [red, blue] = await Promise.all([startBackend("red"), startBackend("blue")]);
});

afterEach(async () => {
  await envoy?.stop();
  await server?.close();
  envoy = undefined;
  server = undefined;
  await Promise.all([red, blue].map((backend) => backend[Symbol.asyncDispose]()));
});

const type = (name: string) => `type.googleapis.com/${name}`;

function write(file: string, text: string): void {
  mkdirSync(join(directory, file, ".."), { recursive: true });
  writeFileSync(join(directory, `${file}.new`), text);
  renameSync(join(directory, `${file}.new`), join(directory, file));
}

const writeEndpoints = (to: number) =>
  write(
    "endpoints/web.yaml",
    `"@type": ${type("envoy.config.endpoint.v3.ClusterLoadAssignment")}
cluster_name: web
endpoints:
  - lb_endpoints:
      - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${to} } } }
`,
  );

function writeAll(): void {
  writeEndpoints(red.port);
  write(
    "edge.yaml",
    `resources:
  - "@type": ${type("envoy.config.listener.v3.Listener")}
    name: edge
    address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
    filter_chains:
      - filters:
          - name: http
            typed_config:
              "@type": ${type("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager")}
              stat_prefix: edge
              rds: { route_config_name: web, config_source: { ads: {}, resource_api_version: V3 } }
              http_filters:
                - name: router
                  typed_config: { "@type": ${type("envoy.extensions.filters.http.router.v3.Router")} }
  - "@type": ${type("envoy.config.route.v3.RouteConfiguration")}
    name: web
    virtual_hosts:
      - { name: all, domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: web } }] }
`,
  );
  write(
    "cluster.json",
    JSON.stringify({
      "@type": type("envoy.config.cluster.v3.Cluster"),
      name: "web",
      type: "EDS",
      connect_timeout: "1s",
      eds_cluster_config: { eds_config: { ads: {}, resource_api_version: "V3" } },
    }),
  );
}

const serve = async () => {
  const onReading = (content: FolderContent) => readings.push(content);
  server = await serveFolder({ directory, port: 0, periodMs: 50, onReading });
  return server;
};

test("an Envoy follows the files; a broken one changes nothing, and it is said why", async () => {
  writeAll();
  const { port: controlPlanePort } = await serve();
  envoy = await startEnvoy({ protocol: "delta", controlPlanePort });
  await until("red", async () => (await get(port)) === "200 red");

  write("cluster.json", `{"@type": "${type("envoy.config.cluster.v3.Cluster")}", "nmae": "web"}`);
  await until("refused", () => readings.length === 2);
  expect(readings[1]?.snapshot).toBeUndefined();
  expect(readings[1]?.errors.join("\n")).toMatch(/^cluster\.json:1:\d+: error: nmae: .*name/m);
  expect(await get(port)).toBe("200 red");

  writeAll();
  writeEndpoints(blue.port);
  await until("blue", async () => (await get(port)) === "200 blue");
});

test("a first content that is not right is no start, and all errors are told", async () => {
  writeAll();
  rmSync(join(directory, "endpoints"), { recursive: true });
  write("bootstrap.yaml", "node: { id: x }");
  write("odd.yaml", `"@type": ${type("envoy.config.core.v3.Node")}\nid: x\n`);
  await expect(serve()).rejects.toThrow(/bootstrap\.yaml.*\n.*odd\.yaml/);
  rmSync(join(directory, "bootstrap.yaml"));
  rmSync(join(directory, "odd.yaml"));
  await expect(serve()).rejects.toThrow(/cluster web refers to endpoint web, which is missing/);
});

test("one name in two files is an error that names both", async () => {
  writeAll();
  write("z.json", JSON.stringify({ "@type": type("envoy.config.cluster.v3.Cluster"), name: "web" }));
  await expect(serve()).rejects.toThrow(/z\.json: error: .*Cluster web is in cluster\.json already/);
});

test("hidden files and other files are left alone", async () => {
  writeAll();
  write(".hidden/broken.yaml", "{");
  write("notes.txt", "{");
  await serve();
  expect(readings).toMatchObject([{ errors: [], warnings: [] }]);
});

test("a folder that is away for a moment is told once, and read when it is back", async () => {
  writeAll();
  await serve();
  renameSync(directory, `${directory}.away`);
  await until("told", () => readings.length === 2);
  expect(readings[1]?.errors.join()).toMatch(/ENOENT/);
  renameSync(`${directory}.away`, directory);
  await until("back", () => readings.length === 3);
  expect(readings[2]?.errors).toEqual([]);
});
