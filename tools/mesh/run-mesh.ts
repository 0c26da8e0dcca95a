import { mkdirSync } from "node:fs";
import { constants } from "node:os";
import { openDataDir } from "@ordermesh/runtime/lifecycle/data-dir.ts";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { ensureCertificates } from "./certificates/store.ts";
import { askControl } from "./control/control-client.ts";
import { serveControl } from "./control/control-server.ts";
import { type MeshStatus, meshStatus } from "./control/mesh-status.ts";
import { type Layout, logFile } from "./layout.ts";
import { type PreparedMesh, prepareMesh } from "./mesh.ts";
import { type MeshValues, parseScale } from "./options.ts";
import { rotateLog } from "./process/log-file.ts";
import { State } from "./state.ts";
import { Supervisor, UnknownComponent } from "./supervisor.ts";

export interface RunOptions {
  readonly layout: Layout;
  readonly values: MeshValues;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Gets what happens, one line each. */
  readonly say: (line: string) => void;
  /** Called once, when everything is ready. */
  readonly onReady: (status: MeshStatus) => void;
}

/** Answer to a ping. */
export interface MeshPing {
  readonly pid: number;
  readonly phase: MeshStatus["phase"];
}

const stopSignals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
/** A signal so soon after the first is the same one (milliseconds). */
const echoMs = 1_000;
const rotationPeriodMs = 5_000;
const renewalPeriodMs = 24 * 3_600_000;

/**
 * Brings the mesh up and keeps it up until a signal or `mesh:stop`; resolves when nothing of it runs any more. Throws
 * StartupError when another one runs with this data directory, and whatever kept a component from its start.
 */
export async function runMesh({ layout, values, environment, say: tell, onReady }: RunOptions): Promise<void> {
  const lock = await takeLock(layout);
  mkdirSync(layout.logs, { recursive: true, mode: 0o700 });
  const listeners = new Set([tell]);
  const say = (line: string) => {
    for (const listener of [...listeners]) listener(line);
  };
  const startedAt = Date.now();
  const state = new State(layout.state);
  const supervisor = new Supervisor({ layout, state, say });
  let phase: MeshStatus["phase"] = "starting";
  let mesh: PreparedMesh | undefined;

  const ended = Promise.withResolvers<void>();
  function stop(): Promise<void> {
    phase = "stopping";
    const stopped = supervisor.stop();
    stopped.then(ended.resolve, ended.reject);
    return stopped;
  }
  const ignoreSignals = onSignals(
    (signal) => {
      say(`${signal}: stopping`);
      void stop();
    },
    () => killAll(state),
  );

  async function status(): Promise<MeshStatus> {
    if (mesh === undefined) throw new Error("the mesh is starting");
    return await meshStatus(mesh, supervisor, { phase, startedAt });
  }

  /** What happens meanwhile is told to whoever asked, too. */
  async function told<T>(listener: (line: string) => void, work: () => Promise<T>): Promise<T> {
    if (phase !== "running") throw new Error(`the mesh is ${phase}`);
    listeners.add(listener);
    try {
      return await work();
    } finally {
      listeners.delete(listener);
    }
  }

  const control = await serveControl(layout.socket, {
    "/ping": async (): Promise<MeshPing> => ({ pid: process.pid, phase }),
    "/status": status,
    "/stop": async (_parameters, listener) => {
      listeners.add(listener);
      await stop();
      return process.pid;
    },
    "/restart": (parameters, listener) => told(listener, () => supervisor.restart(parameters.get("component") ?? "")),
    "/scale": (parameters, listener) =>
      told(listener, async () => {
        for (const [name, count] of scaleOf(parameters.get("scale") ?? "")) await supervisor.scale(name, count);
      }),
    "/reload": (_parameters, listener) => told(listener, () => supervisor.reload()),
  });
  const timers = [
    setInterval(() => void rotateLogs(), rotationPeriodMs),
    setInterval(() => void renewCertificates(), renewalPeriodMs),
  ];

  async function rotateLogs(): Promise<void> {
    for (const { log } of supervisor.known()) rotateLog(log);
    rotateLog(logFile(layout, "supervisor"));
  }

  async function renewCertificates(): Promise<void> {
    try {
      const { made } = await ensureCertificates(layout.certs);
      if (made.length === 0) return;
      say(`certificates renewed: ${made.join(", ")}`);
      await supervisor.reload();
    } catch (error) {
      say(`certificates could not be renewed: ${error instanceof Error ? error.message : error}`);
    }
  }

  try {
    const started = (async () => {
      mesh = await prepareMesh({ layout, state, values, environment, say });
      await mesh.start(supervisor);
    })();
    // Whoever stops the mesh while it starts is not told that the start failed.
    await Promise.race([started, ended.promise]);
    if (!isStopping()) {
      phase = "running";
      onReady(await status());
    } else started.catch(() => {});
    await ended.promise;
  } catch (error) {
    if (isStopping()) await ended.promise;
    else {
      await stop();
      throw error;
    }
  } finally {
    for (const timer of timers) clearInterval(timer);
    control.close();
    ignoreSignals();
    lock.release();
  }

  /** A function, for the compiler remembers what a variable was before an `await`. */
  function isStopping(): boolean {
    return phase === "stopping";
  }
}

function scaleOf(text: string): [string, number][] {
  try {
    return Object.entries(parseScale(text));
  } catch (error) {
    throw new UnknownComponent(error instanceof Error ? error.message : String(error));
  }
}

/** The data directory for this process alone. */
async function takeLock(layout: Layout) {
  try {
    return openDataDir(layout.root);
  } catch (error) {
    const running = await askControl<MeshPing>(layout.socket, "/ping").catch(() => undefined);
    if (running === undefined) throw error;
    throw new StartupError(
      `the mesh is ${running.phase} already (process ${running.pid}, ${layout.root})`,
      "npm run mesh:status shows it, npm run mesh:stop ends it",
      { cause: error },
    );
  }
}

/**
 * The first signal asks, a later one insists. Ctrl-C may come twice at once: from the terminal, and from npm that hands it on.
 * Returns what ends that.
 */
function onSignals(first: (signal: string) => void, second: () => void): () => void {
  let askedAt: number | undefined;
  const listener = (signal: NodeJS.Signals) => {
    if (askedAt === undefined) {
      askedAt = performance.now();
      return first(signal);
    }
    if (performance.now() - askedAt < echoMs) return;
    second();
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of stopSignals) process.on(signal, listener);
  return () => {
    for (const signal of stopSignals) process.off(signal, listener);
  };
}

function killAll(state: State): void {
  for (const { pid } of state.processes) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It is gone.
    }
  }
}
