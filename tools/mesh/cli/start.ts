// `npm run mesh`: brings the whole mesh up on this machine and keeps it up.
import { detach } from "../detach.ts";
import { runMesh } from "../run-mesh.ts";
import { exitCodes, meshLayout, meshValues, runCommand } from "./command.ts";
import { optionsHelp } from "./options-help.ts";
import { componentTable } from "./status-text.ts";

const usage = `usage: npm run mesh -- [--database mariadb|mysql|postgres] [--scale order=2] [--data-dir DIR] [--detach] [--help]

Runs every service as a process of its own, with Envoy at the edge and between services, NATS JetStream and a database, and
mTLS between all of them. What is missing is installed first. It stays until Ctrl-C, SIGTERM or npm run mesh:stop; the last
line of a start is "ready https://127.0.0.1:8443".

  --database KIND  the database server
  --scale LIST     instances of services, separated by commas
  --data-dir DIR   where everything is kept
  --detach         come back when the mesh is ready and leave it running

Environment variables (a flag wins; others reach the services, see npm start -- --print-config):
${optionsHelp()}`;

await runCommand({
  usage,
  options: {
    database: { type: "string" },
    scale: { type: "string" },
    "data-dir": { type: "string" },
    detach: { type: "boolean", default: false },
  },
  async run({ values: flags }) {
    const values = meshValues({
      MESH_DATABASE: flags.database,
      MESH_SCALE: flags.scale,
      MESH_DATA_DIR: flags["data-dir"],
    });
    const layout = meshLayout(values);
    if (flags.detach) {
      return await detach(
        layout,
        import.meta.filename,
        process.argv.slice(2).filter((arg) => arg !== "--detach"),
      );
    }
    await runMesh({
      layout,
      values,
      environment: process.env,
      say: (line) => void process.stderr.write(`${new Date().toISOString()} ${line}\n`),
      onReady: ({ components, edge }) => void process.stdout.write(`${componentTable(components)}\nready ${edge}\n`),
    });
    // Something may still be under way that nobody needs: an installation that was interrupted.
    process.exit(exitCodes.ok);
  },
});
