import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Agent, request } from "undici";
import { bound } from "../../tools/components/process.ts";
import { askControl } from "../../tools/mesh/control/control-client.ts";
import type { MeshStatus } from "../../tools/mesh/control/mesh-status.ts";
import { layoutOf } from "../../tools/mesh/layout.ts";
import { type Ended, runProgram } from "./instance.ts";
import { temporaryDirectory } from "./temporary.ts";

/** A whole mesh of a test's own: Envoy, NATS, a database and our services, each a real process. */
export interface TestMesh {
  /** `https://127.0.0.1:PORT`. */
  readonly edge: string;
  readonly dataDir: string;
  /** Of the supervisor. */
  readonly pid: number;
  /** Everything that it has printed. */
  output(): string;
  /** How the supervisor ended. */
  readonly ended: Promise<Ended>;
  /** One of the mesh's commands: `command("scale", "order=3")`. */
  command(name: string, ...args: string[]): Promise<Ended>;
  status(): Promise<MeshStatus>;
  /** A token with these roles; default: operator. */
  token(...roles: string[]): Promise<string>;
  /** A request through the edge, over a connection that trusts the mesh's authority; the body is read to its end. */
  ask(path: string, options?: AskOptions): Promise<{ readonly status: number; readonly body: string }>;
  /** Sends the supervisor a signal and waits for its end. */
  signal(signal: NodeJS.Signals): Promise<Ended>;
  /** Ends all of it, whatever state it is in. */
  stop(): Promise<void>;
}

interface AskOptions {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Every port of the mesh's own choice: several meshes run side by side, and beside an operator's. */
const anyPorts = Object.fromEntries(
  ["EDGE", "LISTENER", "CONTROL_PLANE", "NATS", "DATABASE"].map((name) => [`MESH_${name}_PORT`, "0"]),
);

const inherited = ["PATH", "HOME", "TMPDIR", "ENVOY_BIN", "NODE_COMPILE_CACHE"];

/** The mesh of a data directory, whether it runs or not. */
export function meshIn(dataDir: string, env: Readonly<Record<string, string>> = {}) {
  // Database servers run as another user when we are root.
  chmodSync(dataDir, 0o711);
  const base = Object.fromEntries(inherited.map((name) => [name, process.env[name] ?? ""]));
  const environment = { ...base, ...anyPorts, MESH_DATA_DIR: dataDir, ...env };
  return {
    /** The environment of its commands. */
    environment,
    command: (name: string, ...args: string[]) => runProgram(`tools/mesh/cli/${name}.ts`, args, environment),
    status: () => askControl<MeshStatus>(layoutOf(dataDir).socket, "/status"),
  };
}

/** Starts `npm run mesh` and waits for its ready line; to be stopped by whoever calls this. `dataDir`: that of an earlier one. */
export async function startMesh(
  env: Readonly<Record<string, string>> = {},
  dataDir = temporaryDirectory("mesh"),
): Promise<TestMesh> {
  const { environment, command, status } = meshIn(dataDir, env);
  const { child, ended, output } = spawnSupervisor(environment);
  const stop = async () => {
    await command("stop");
    child.kill("SIGKILL");
    await ended;
  };
  const edge = await Promise.race([readyUrl(child, output), ended.then(() => undefined)]);
  if (edge === undefined) throw new Error(`the mesh did not start:\n${output.err}`);

  let agent: Agent | undefined;
  /** What `agent` trusts: a new authority may come. */
  let trusted: string | undefined;
  return {
    edge,
    dataDir,
    pid: child.pid ?? 0,
    output: () => output.out + output.err,
    ended,
    command,
    status,
    token: async (...roles) => {
      const flags = (roles.length === 0 ? ["operator"] : roles).flatMap((role) => ["--role", role]);
      return (await command("token", ...flags)).out.trim();
    },
    ask: async (path, options = {}) => {
      const authorities = readFileSync(join(dataDir, "certs/ca.crt"), "utf8");
      if (trusted !== authorities) {
        await agent?.close();
        agent = new Agent({ connect: { ca: authorities } });
        trusted = authorities;
      }
      const reply = await request(`${edge}${path}`, { ...options, dispatcher: agent });
      return { status: reply.statusCode, body: await reply.body.text() };
    },
    signal: (signal) => {
      child.kill(signal);
      return ended;
    },
    stop: async () => {
      await agent?.close();
      await stop();
    },
  };
}

/** Ends with the test run, in order, even where that is killed. */
function spawnSupervisor(env: Readonly<Record<string, string>>) {
  const program = fileURLToPath(new URL("../../tools/mesh/cli/start.ts", import.meta.url));
  const [command, args] = bound("TERM", process.execPath, [program]);
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const output = { out: "", err: "" };
  child.stdout.on("data", (chunk) => {
    output.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output.err += chunk;
  });
  const ended = once(child, "close").then(([code, signal]): Ended => ({ code, signal, ...output }));
  return { child, ended, output };
}

async function readyUrl(child: ChildProcess, output: { readonly out: string }): Promise<string | undefined> {
  for (;;) {
    const url = /^ready (\S+)$/m.exec(output.out)?.[1];
    if (url !== undefined) return url;
    await once(child.stdout as NonNullable<typeof child.stdout>, "data");
  }
}
