// `npm run mesh:restart SERVICE`: replaces a component's processes without an interruption, where it can run twice.
import { askControl } from "../control/control-client.ts";
import { exitCodes, meshLayout, meshValues, runCommand } from "./command.ts";

await runCommand({
  usage: `usage: npm run mesh:restart -- COMPONENT [--data-dir DIR] [--help]

Replaces the processes of order, gateway, mesh (the control plane), envoy, nats or database. Instances of order and gateway are replaced one
after the other: the new one is ready and gets requests before the old one finishes and ends. Pending migrations of a service
are applied before.
`,
  options: { "data-dir": { type: "string" } },
  positionals: ["COMPONENT"],
  async run({ values: flags, positionals: [component = ""] }) {
    const { socket } = meshLayout(meshValues({ MESH_DATA_DIR: flags["data-dir"] }));
    await askControl(socket, "/restart", { component }, (line) => void process.stdout.write(`${line}\n`));
    process.stdout.write(`${component} was restarted\n`);
    return exitCodes.ok;
  },
});
