import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startMesh } from "../support/mesh.ts";

/** `npm run mesh` on free ports with a directory of its own, and its operator's commands. */
export interface MeshProcess {
  /** Of the edge. */
  readonly url: string;
  /** Certificates of the authorities that vouch for it now. */
  readonly ca: string;
  /** `authorization` of an operator. */
  readonly authorization: string;
  /** Runs `mesh:<command>`; throws with what it said when it fails. */
  run(command: string, ...args: string[]): Promise<void>;
  /** SIGKILL to one instance of a component, which the supervisor then starts again. */
  kill(component: string): Promise<void>;
  /** Resolves when everything is ready. */
  healthy(): Promise<void>;
  stop(): Promise<void>;
}

const healthyWithinMs = 60_000;

export async function startMeshProcess(): Promise<MeshProcess> {
  const directory = mkdtempSync(join(tmpdir(), "ordermesh-chaos-"));
  const mesh = await startMesh({}, directory);
  return {
    url: mesh.edge,
    get ca() {
      return readFileSync(join(directory, "certs/ca.crt"), "utf8");
    },
    authorization: `Bearer ${await mesh.token()}`,
    run: async (command, ...args) => {
      const { code, err } = await mesh.command(command, ...args);
      if (code !== 0) throw new Error(`mesh:${command} ended with code ${code}:\n${err}`);
    },
    kill: async (component) => {
      const { components } = await mesh.status();
      const pid = components.find((instance) => instance.component === component)?.pid;
      if (pid === undefined) throw new Error(`no ${component} runs`);
      process.kill(pid, "SIGKILL");
    },
    healthy: async () => {
      for (const from = performance.now(); performance.now() - from < healthyWithinMs; ) {
        if ((await mesh.status()).healthy) return;
        await sleep(250);
      }
      throw new Error(`the mesh does not get well: ${JSON.stringify(await mesh.status(), null, 1)}`);
    },
    stop: async () => {
      await mesh.stop();
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
