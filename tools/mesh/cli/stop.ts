// `npm run mesh:stop`: ends the mesh, in order.
import { setTimeout as sleep } from "node:timers/promises";
import { askControl, NotRunning } from "../control/control-client.ts";
import { stopOrphans } from "../orphans.ts";
import { identifyProcess } from "../process/process-identity.ts";
import { isGone, stopProcess } from "../process/stop-process.ts";
import type { MeshPing } from "../run-mesh.ts";
import { State } from "../state.ts";
import { exitCodes, meshLayout, meshValues, runCommand } from "./command.ts";

/** A supervisor that has not ended everything by then is made to (milliseconds). */
const patienceMs = 120_000;
/** What a supervisor takes from its last word to its end (milliseconds). */
const lastWordsMs = 5_000;

const say = (line: string) => void process.stdout.write(`${line}\n`);

await runCommand({
  usage: `usage: npm run mesh:stop -- [--data-dir DIR] [--help]

Ends the mesh: services finish what they have in hand, then Envoy, NATS and the database. What a supervisor that died has left
is ended, too, found by its recorded process id and start; nothing else is touched. Nothing to stop is no failure.
`,
  options: { "data-dir": { type: "string" } },
  async run({ values: flags }) {
    const layout = meshLayout(meshValues({ MESH_DATA_DIR: flags["data-dir"] }));
    let wasRunning = false;
    try {
      const { pid } = await askControl<MeshPing>(layout.socket, "/ping");
      wasRunning = true;
      const supervisor = identifyProcess(pid);
      const asked = askControl(layout.socket, "/stop", {}, say).catch((error: unknown) => {
        // Its last word may be lost with its process.
        if (!(error instanceof NotRunning)) throw error;
      });
      await Promise.race([asked, sleep(patienceMs, undefined, { ref: false })]);
      // It has said that all has ended, and ends by itself with the exit code of a stop.
      if (supervisor !== undefined && !(await isGone(supervisor, lastWordsMs))) {
        await stopProcess(supervisor, { graceMs: 5_000 });
      }
    } catch (error) {
      if (!(error instanceof NotRunning)) throw error;
    }
    const state = new State(layout.state);
    const left = await stopOrphans(state, say);
    if (left.length > 0) say(`ended what was left: ${left.join(", ")}`);
    else say(wasRunning ? "the mesh has ended" : "the mesh is not running");
    return exitCodes.ok;
  },
});
