import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";
import { findCycles } from "./check.ts";
import { readImports } from "./graph.ts";

/** Imports of a repository of its own with these files, as `from -> to`. */
function importsOf(files: Record<string, string>) {
  const root = temporaryDirectory("imports");
  const order = { "services/order/package.json": `{ "name": "@ordermesh/order" }` };
  const all = { "package.json": `{ "workspaces": ["services/order"] }`, ...order, ...files };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return readImports(root);
}

test.each([
  [`import a from "./other.ts";`, "gateway/other.ts"],
  [`import type { A } from "../services/order/index.ts";`, "services/order/index.ts"],
  [`import "@ordermesh/order";`, "services/order/index.ts"],
  [`export { a } from "@ordermesh/order/rpc/order.ts";`, "services/order/rpc/order.ts"],
  [`export type * from "./other.ts";`, "gateway/other.ts"],
  [`await import("node:fs");`, "node:fs"],
  ["await import(`sequelize`);", "npm:sequelize"],
])("%s leads to %s", (text, to) => {
  expect(importsOf({ "gateway/a.ts": text })).toMatchObject([{ from: "gateway/a.ts", to }]);
});

test("installed packages and declarations are not read", () => {
  expect(importsOf({ "gateway/node_modules/a/b.ts": `import "c";`, "gateway/d.d.ts": `import "e";` })).toEqual([]);
});

test("a file that does not parse is named", () => {
  expect(() => importsOf({ "gateway/a.ts": "import {" })).toThrow("gateway/a.ts");
});

test("a circle of three files is found once", () => {
  const imports = importsOf({
    "gateway/a.ts": `import "./b.ts";`,
    "gateway/b.ts": `import "./c.ts";`,
    "gateway/c.ts": `import "./a.ts";`,
  });
  expect(findCycles(imports)).toEqual([["gateway/a.ts", "gateway/b.ts", "gateway/c.ts", "gateway/a.ts"]]);
});

test("a circle that only types close is none", () => {
  const imports = importsOf({ "gateway/a.ts": `import "./b.ts";`, "gateway/b.ts": `import type { A } from "./a.ts";` });
  expect(findCycles(imports)).toEqual([]);
});
