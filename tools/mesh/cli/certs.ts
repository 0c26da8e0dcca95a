// `npm run mesh:certs`: makes and rotates the mesh's certificates.
import { setTimeout as sleep } from "node:timers/promises";
import { ensureCertificates } from "../certificates/store.ts";
import { askControl, NotRunning } from "../control/control-client.ts";
import { exitCodes, meshLayout, meshValues, runCommand, UsageError } from "./command.ts";

/** By then everybody has read a new authority: services look every second, Envoy at once. */
const settleMs = 3_000;

await runCommand({
  usage: `usage: npm run mesh:certs -- [--rotate [authority]] [--data-dir DIR] [--help]

Makes the development authority and the certificates of the mesh where they are missing, and renews those that expire within a
month; a running mesh does so every day. New ones take effect at once, without a restart.

  --rotate      new certificates for everybody
  --rotate authority
                a new authority, too; the old one stays trusted until it expires
`,
  options: { rotate: { type: "boolean", default: false }, "data-dir": { type: "string" } },
  positionals: ["[authority]"],
  async run({ values: flags, positionals: [what] }) {
    if (what !== undefined && (what !== "authority" || !flags.rotate))
      throw new UsageError(`there is no ${what} to make`);
    const { certs, socket } = meshLayout(meshValues({ MESH_DATA_DIR: flags["data-dir"] }));
    const rotate = flags.rotate ? (what === "authority" ? "authority" : "certificates") : undefined;
    const settle = async () => {
      await reload(socket);
      await sleep(settleMs);
    };
    const { authority, made, kept } = await ensureCertificates(certs, { rotate, settle });
    if (authority === "made" || made.length > 0) await reload(socket);
    process.stdout.write(
      `${certs}: authority ${authority}; made: ${made.join(", ") || "none"}; kept: ${kept.join(", ") || "none"}\n`,
    );
    return exitCodes.ok;
  },
});

/** Tells a running mesh, which has programs that do not look for new certificates by themselves. */
async function reload(socket: string): Promise<void> {
  try {
    await askControl(socket, "/reload");
  } catch (error) {
    if (!(error instanceof NotRunning)) throw error;
  }
}
