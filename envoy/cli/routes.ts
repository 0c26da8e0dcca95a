import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Listener } from "../gen/envoy/config/listener/v3/listener_pb.js";
import type { RouteConfiguration } from "../gen/envoy/config/route/v3/route_pb.js";
import { HttpConnectionManagerSchema } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { type RouteRow, routeRows } from "../routes/route-rows.ts";
import { formatProblem, hasErrors } from "../validate/problem.ts";
import { type Command, readArguments, UsageError } from "./command.ts";
import { resourcesOf } from "./config-module.ts";
import { type Input, readCompleteInput } from "./input.ts";

export const routes: Command = {
  summary: "print what goes where",
  help: `usage: envoy-config routes FILE|FOLDER|MODULE [--json]

Prints every route in the order in which Envoy looks at them: the first match counts. A path that ends in
* is a prefix, ~ begins a regular expression.

exit codes: 0 printed, 1 invalid configuration, 2 wrong usage`,

  async run(args, output) {
    const { values, positionals } = readArguments(args, { json: { type: "boolean" } });
    const [path, ...more] = positionals;
    if (path === undefined || more.length > 0) throw new UsageError("routes takes one file, folder or module");
    const input = await readCompleteInput(path);
    const errors = input.problems.filter(({ severity }) => severity === "error");
    for (const problem of errors) output.err(`${formatProblem(problem, problem.file)}\n`);
    if (hasErrors(errors)) return 1;
    const rows = configurations(input).flatMap(routeRows);
    if (values.json) output.out(`${JSON.stringify(rows, undefined, 2)}\n`);
    else if (rows.length === 0) output.out("no routes\n");
    else output.out(table(rows));
    return 0;
  },
};

/** Route configurations by themselves, and those within listeners. */
function configurations({ bootstrap, resources }: Input): readonly RouteConfiguration[] {
  const { routes: own, listeners } = resourcesOf(resources);
  return [...[...(bootstrap?.staticResources?.listeners ?? []), ...listeners].flatMap(inListener), ...own];
}

function inListener({ filterChains, defaultFilterChain }: Listener): readonly RouteConfiguration[] {
  const chains = [...filterChains, ...(defaultFilterChain === undefined ? [] : [defaultFilterChain])];
  return chains
    .flatMap(({ filters }) => filters)
    .flatMap(({ configType }) => {
      const manager =
        configType.case === "typedConfig" ? anyUnpack(configType.value, HttpConnectionManagerSchema) : undefined;
      return manager?.routeSpecifier.case === "routeConfig" ? [manager.routeSpecifier.value] : [];
    });
}

const headings: RouteRow = {
  routes: "ROUTES",
  host: "HOST",
  name: "NAME",
  match: "MATCH",
  to: "TO",
  timeout: "TIMEOUT",
  retry: "RETRY",
  auth: "AUTH",
  limit: "LIMIT",
};

/** Columns that say something, as wide as they need. */
function table(rows: readonly RouteRow[]): string {
  const columns = (Object.keys(headings) as (keyof RouteRow)[]).filter((key) => rows.some((row) => row[key] !== ""));
  const widths = columns.map((key) => Math.max(...[headings, ...rows].map((row) => row[key].length)));
  const line = (row: RouteRow) => columns.map((key, index) => row[key].padEnd(widths[index] ?? 0)).join("  ");
  return [headings, ...rows].map((row) => `${line(row).trimEnd()}\n`).join("");
}
