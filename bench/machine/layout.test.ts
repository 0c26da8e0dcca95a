import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { describe, expect, onTestFinished, test } from "vitest";
import { openScope } from "../bench.ts";
import { availableLayouts } from "./layout.ts";
import { treePids } from "./process-tree.ts";

const { layouts, missing } = availableLayouts();

function coresOf(pid: number | "self"): string | undefined {
  return /^Cpus_allowed_list:\s+(\S+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
}

test("two cores have both layouts, else it is said why not", () => {
  const names = layouts.map(({ name }) => name);
  if (availableParallelism() > 1 && missing === undefined) expect(names).toEqual(["shared", "pinned"]);
  else expect(names).toEqual(["shared"]);
});

describe.each(layouts)("in the $name layout", (layout) => {
  const expected = layout.serverCore === undefined ? coresOf("self") : String(layout.serverCore);
  const loadExpected = layout.loadCore === undefined ? coresOf("self") : String(layout.loadCore);
  const open = () => {
    const stack = new AsyncDisposableStack();
    onTestFinished(() => stack.disposeAsync());
    return openScope(stack, { layout, quick: true }).bench;
  };

  test("a program is where servers belong", async () => {
    const program = import.meta.resolve("../testing/hello-server.ts");
    const { pid } = await open().startServer({ name: "hello", program });
    expect(coresOf(pid)).toBe(expected);
  });

  test("a database is, with all its processes", async () => {
    const { pid } = await open().startDatabase("postgres");
    expect(new Set(treePids(pid).map(coresOf))).toEqual(new Set([expected]));
  }, 60_000);

  test("the load generator is where the load belongs", async () => {
    const bench = open();
    const { url } = await bench.startServer({
      name: "hello",
      program: import.meta.resolve("../testing/hello-server.ts"),
    });
    const module = import.meta.resolve("../testing/core-requests.ts");
    const { summary } = await bench.load({ url, connections: 1, durationMs: 10, source: { module } });
    expect(summary).toBe(loadExpected);
  });

  test("so is a program that looks on", async () => {
    const program = import.meta.resolve("../testing/hello-server.ts");
    const { pid } = await open().startObserver({ name: "hello", program });
    expect(coresOf(pid)).toBe(loadExpected);
  });
});
