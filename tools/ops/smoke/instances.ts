import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificateFiles } from "../../mesh/certificates/store.ts";
import { meshLayout, meshValues } from "../../mesh/cli/command.ts";
import { askControl, NotRunning } from "../../mesh/control/control-client.ts";
import type { MeshStatus } from "../../mesh/control/mesh-status.ts";
import { type Layout, repository } from "../../mesh/layout.ts";
import { meshSecrets } from "../../mesh/mesh.ts";
import { ensureSecrets } from "../../mesh/secrets.ts";
import { signToken } from "../../mesh/token.ts";
import { CheckFailure } from "./checks.ts";
import type { Endpoint } from "./client.ts";

/** What is to be tested, up; `stop` ends it where this test started it. */
export interface Running {
  readonly endpoint: Endpoint;
  stop(): Promise<void>;
}

/** It does not come up. */
export class StartFailure extends Error {}
/** Its migrations fail. */
export class MigrationFailure extends Error {}

/** An embedded instance that is nobody else's: it starts with an empty folder on a free port and leaves nothing. */
export async function startEmbedded(): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), "ordermesh-smoke-"));
  const inherited = ["PATH", "HOME", "TMPDIR", "NODE_COMPILE_CACHE"];
  const env = {
    ...Object.fromEntries(inherited.map((name) => [name, process.env[name]])),
    ...{ DATA_DIR: folder, PORT: "0", LOG_LEVEL: "error" },
  };
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  try {
    const migrated = await finished(launch(["services/migrate.ts", "up"], env));
    if (migrated !== 0) throw new MigrationFailure(`the migrations end with ${migrated}`);
    const child = launch(["services/main.ts"], env);
    const ended = once(child, "close");
    const stop = async () => {
      child.kill("SIGTERM");
      await ended;
      remove();
    };
    // Also when this process is asked to end.
    process.once("exit", () => child.kill("SIGKILL"));
    let output = "";
    const url = await new Promise<string | undefined>((resolve) => {
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        const ready = /^ready (\S+)$/m.exec(output)?.[1];
        if (ready !== undefined) resolve(ready);
      });
      void ended.then(() => resolve(undefined));
    });
    if (url !== undefined) return { endpoint: { url }, stop };
    throw new StartFailure("the instance ends before it is ready");
  } catch (error) {
    remove();
    throw error;
  }
}

/** The mesh of this machine: the one that runs, else one that is started. */
export async function runningMesh(say: (line: string) => void): Promise<Running> {
  const layout = meshLayout(meshValues());
  const running = await statusOf(layout);
  if (running !== undefined) return { endpoint: await checked(layout, running), stop: async () => undefined };
  say("no mesh runs: starting one");
  const child = launch(["tools/mesh/cli/start.ts", "--detach"], process.env);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    process.stderr.write(text);
  });
  const code = await finished(child);
  const stop = async () => {
    say("stopping the mesh that was started");
    await finished(launch(["tools/mesh/cli/stop.ts"], process.env));
  };
  if (code !== 0) {
    await stop();
    const why = output.trim().split("\n").at(-1) ?? "";
    if (/migrat/i.test(why)) throw new MigrationFailure(why);
    throw new StartFailure(`the mesh does not start: ${why}`);
  }
  try {
    const started = await statusOf(layout);
    if (started === undefined) throw new StartFailure("the mesh has ended again");
    return { endpoint: await checked(layout, started), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function statusOf(layout: Layout): Promise<MeshStatus | undefined> {
  try {
    return await askControl<MeshStatus>(layout.socket, "/status");
  } catch (error) {
    if (error instanceof NotRunning) return undefined;
    throw new StartFailure(`the mesh is not up: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The way in as an operator. Throws CheckFailure where something of the mesh is not healthy. */
async function checked(layout: Layout, { healthy, edge, components, problems }: MeshStatus): Promise<Endpoint> {
  if (!healthy) {
    const states = components.filter(({ state }) => state !== "ready").map(({ name, state }) => `${name} is ${state}`);
    throw new CheckFailure(`the mesh is not healthy: ${[...states, ...problems].join("; ")}`);
  }
  const token = await signToken(ensureSecrets(layout.secrets, meshSecrets), {
    ...{ subject: "smoke-test", roles: ["operator"], seconds: 300 },
  });
  return { url: edge, token, ca: readFileSync(certificateFiles(layout.certs, "operator").ca, "utf8") };
}

function launch(args: readonly string[], env: NodeJS.ProcessEnv) {
  return spawn(process.execPath, [...process.execArgv, ...args], {
    cwd: repository,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function finished(child: ReturnType<typeof launch>): Promise<number | null> {
  child.stdout.resume();
  const [code] = (await once(child, "close")) as [number | null];
  return code;
}
