// `npm run mesh:status`: what runs where, and whether all is well.
import { askControl } from "../control/control-client.ts";
import type { MeshStatus } from "../control/mesh-status.ts";
import { exitCodes, meshLayout, meshValues, runCommand } from "./command.ts";
import { statusText } from "./status-text.ts";

await runCommand({
  usage: `usage: npm run mesh:status -- [--json] [--data-dir DIR] [--help]

Looks at everything now: process, address, uptime, restarts and readiness of every component, the instances that the control
plane knows, the last configuration that Envoy refused, and pending migrations. It ends with 0 only if all is healthy.
`,
  options: { json: { type: "boolean", default: false }, "data-dir": { type: "string" } },
  async run({ values: flags }) {
    const { socket } = meshLayout(meshValues({ MESH_DATA_DIR: flags["data-dir"] }));
    const status = await askControl<MeshStatus>(socket, "/status");
    process.stdout.write(flags.json ? `${JSON.stringify(status, undefined, 2)}\n` : statusText(status));
    return status.healthy ? exitCodes.ok : exitCodes.failed;
  },
});
