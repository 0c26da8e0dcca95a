import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { bound } from "../../tools/components/process.ts";
import { askControl } from "../../tools/mesh/control/control-client.ts";
import type { MeshStatus } from "../../tools/mesh/control/mesh-status.ts";
import { layoutOf } from "../../tools/mesh/layout.ts";

const cli = join(import.meta.dirname, "../../tools/mesh/cli");
const ports = ["EDGE", "LISTENER", "ADMIN", "CONTROL_PLANE", "NATS", "DATABASE"].map((name) => `MESH_${name}_PORT`);

const healthyWithinMs = 60_000;

/** `npm run mesh` on free ports with a directory of its own, and its operator's commands. */
export interface MeshProcess {
  /** Of the edge. */
  readonly url: string;
  /** Certificates of the authorities that vouch for it now. */
  readonly ca: string;
  /** `authorization` of an operator. */
  readonly authorization: string;
  /** Runs `mesh:<command>`; throws with what it said when it fails. */
  run(command: string, ...args: string[]): Promise<string>;
  status(): Promise<MeshStatus>;
  /** SIGKILL to one instance of a component, which the supervisor then starts again. */
  kill(component: string): Promise<void>;
  /** Resolves when everything is ready. */
  healthy(): Promise<void>;
  stop(): Promise<void>;
}

export async function startMeshProcess(): Promise<MeshProcess> {
  const directory = mkdtempSync(join(tmpdir(), "ordermesh-chaos-"));
  const env = { ...process.env, ...Object.fromEntries(ports.map((name) => [name, "0"])), MESH_DATA_DIR: directory };
  const command = bound("TERM", process.execPath, [join(cli, "start.ts")]);
  const child = spawn(...command, { env, stdio: ["ignore", "pipe", "pipe"] });
  const said: string[] = [];
  child.stderr?.on("data", (text) => void said.push(String(text)));
  const ended = once(child, "exit");
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };

  const url = await new Promise<string>((resolve, reject) => {
    let output = "";
    child.stdout?.on("data", (text) => {
      output += text;
      const [, ready] = /^ready (\S+)$/m.exec(output) ?? [];
      if (ready !== undefined) resolve(ready);
    });
    void ended.then(() => reject(new Error(`the mesh did not start:\n${said.join("").slice(-4000)}`)));
  });

  async function run(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [join(cli, `${command}.ts`), ...args], { env });
    return stdout;
  }

  // Not through the command: programs that start take the processor from what is looked at.
  const status = () => askControl<MeshStatus>(layoutOf(directory).socket, "/status");

  return {
    url,
    get ca() {
      return readFileSync(join(directory, "certs/ca.crt"), "utf8");
    },
    authorization: `Bearer ${(await run("token")).trim()}`,
    run,
    status,
    kill: async (component) => {
      const pid = (await status()).components.find((instance) => instance.component === component)?.pid;
      if (pid === undefined) throw new Error(`no ${component} runs`);
      process.kill(pid, "SIGKILL");
    },
    healthy: async () => {
      for (const from = performance.now(); performance.now() - from < healthyWithinMs; ) {
        if ((await status()).healthy) return;
        await sleep(250);
      }
      throw new Error(`the mesh does not get well: ${JSON.stringify(await status(), null, 1)}`);
    },
    stop,
  };
}
