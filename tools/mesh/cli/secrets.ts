// `npm run mesh:secrets -- --rotate jwt`: new secrets without a restart.
import { setTimeout as sleep } from "node:timers/promises";
import { meshSecrets } from "../mesh.ts";
import { rotatableSecrets, rotateSecret } from "../rotate-secret.ts";
import { ensureSecrets, newSecret } from "../secrets.ts";
import { exitCodes, meshLayout, meshValues, runCommand, UsageError } from "./command.ts";

/** By then every service has read the file anew: they look each second. */
const settleMs = 3_000;

await runCommand({
  usage: `usage: npm run mesh:secrets -- [--rotate ${rotatableSecrets.join("|")}] [--data-dir DIR] [--help]

Makes the mesh's secrets where they are missing, and shows where they are. With --rotate a new one signs from now on; what the
one before it has signed stays good until the next rotation. It takes effect without a restart.
`,
  options: { rotate: { type: "string" }, "data-dir": { type: "string" } },
  async run({ values: flags }) {
    const layout = meshLayout(meshValues({ MESH_DATA_DIR: flags["data-dir"] }));
    const name = rotatableSecrets.find((secret) => secret === flags.rotate);
    if (flags.rotate !== undefined && name === undefined)
      throw new UsageError(`--rotate takes ${rotatableSecrets.join(" or ")}`);
    const secrets = ensureSecrets(layout.secrets, meshSecrets);
    if (name !== undefined) await rotateSecret(secrets, name, newSecret(), () => sleep(settleMs));
    process.stdout.write(`${name === undefined ? layout.secrets : secrets.file(name)}\n`);
    return exitCodes.ok;
  },
});
