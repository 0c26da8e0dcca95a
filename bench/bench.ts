import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LoadPlan } from "./load/plan.ts";
import { type LoadResult, runLoad } from "./load/run-load.ts";
import { type Component, startDatabase, startNats } from "./machine/components.ts";
import { type Layout, moveToCore } from "./machine/layout.ts";
import { type ServerChild, type ServerOptions, startServerChild } from "./machine/server-child.ts";

/** What suites start things with. Everything started ends with the layout or the round that the object belongs to. */
export interface Bench {
  readonly layout: Layout;
  /** Few and short rounds: a suite takes less than a minute. */
  readonly quick: boolean;
  /** A new directory; it is removed at the end. */
  directory(name: string): string;
  /** A program of ours (or a baseline) that prints a ready line, on the servers' core. */
  startServer(options: Omit<ServerOptions, "core">): Promise<ServerChild>;
  /** A program that watches the servers: where the load is. */
  startObserver(options: Omit<ServerOptions, "core">): Promise<ServerChild>;
  /** With full durability, on the servers' core. */
  startDatabase(kind: "mariadb" | "postgres"): Promise<Component>;
  startNats(): Promise<Component>;
  /** Runs the load generator, a process of its own on the load's core, to its end. */
  load(plan: LoadPlan): Promise<LoadResult>;
  /** Called at the end, the last one first. */
  defer(stop: () => Promise<void> | void): void;
}

export interface Scope {
  readonly bench: Bench;
  close(): Promise<void>;
}

/** What a Bench starts is also closed with `parent`, should that close first (on Ctrl-C). */
export function openScope(parent: AsyncDisposableStack, options: { layout: Layout; quick: boolean }): Scope {
  const { layout, quick } = options;
  const stack = parent.use(new AsyncDisposableStack());

  const directory = (name: string) => {
    const path = mkdtempSync(join(tmpdir(), `ordermesh-bench-${name}-`));
    // The database servers run as another user when we are root and must reach their own folders below.
    chmodSync(path, 0o711);
    stack.defer(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
    return path;
  };
  const component = async (starting: Promise<Component>) => {
    const started = await starting;
    stack.defer(started.stop);
    moveToCore(layout.serverCore, started.pid);
    return started;
  };
  const program = async (options: ServerOptions) => {
    const child = await startServerChild(options);
    stack.defer(child.stop);
    return child;
  };
  return {
    bench: {
      layout,
      quick,
      directory,
      startServer: (server) => program({ ...server, core: layout.serverCore }),
      startObserver: (observer) => program({ ...observer, core: layout.loadCore }),
      startDatabase: (kind) => component(startDatabase(kind, directory(kind))),
      startNats: () => component(startNats(directory("nats"))),
      load: (plan) => runLoad(plan, layout.loadCore),
      defer: (stop) => stack.defer(stop),
    },
    close: () => stack.disposeAsync(),
  };
}
