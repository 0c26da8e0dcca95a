// `npm run mesh:token`: a token for one's own requests to the mesh.
import { meshSecrets } from "../mesh.ts";
import { ensureSecrets } from "../secrets.ts";
import { signToken } from "../token.ts";
import { exitCodes, meshLayout, meshValues, runCommand, UsageError } from "./command.ts";

await runCommand({
  usage: `usage: npm run mesh:token -- [--subject NAME] [--role ROLE]... [--minutes N] [--data-dir DIR] [--help]

Prints a token signed with JWT_SECRET, by default the mesh's own: curl --cacert data/mesh/certs/ca.crt -H "authorization: Bearer $(npm run
--silent mesh:token)" https://127.0.0.1:8443/v1/orders

  --subject NAME  the caller; default: operator
  --role ROLE     what the caller may be, several times; default: operator
  --minutes N     how long it is good; default: 60
`,
  options: {
    subject: { type: "string", default: "operator" },
    role: { type: "string", multiple: true, default: ["operator"] },
    minutes: { type: "string", default: "60" },
    "data-dir": { type: "string" },
  },
  async run({ values: flags }) {
    if (!/^[1-9]\d{0,4}$/.test(flags.minutes)) throw new UsageError("--minutes is a whole number");
    const { secrets } = meshLayout(meshValues({ MESH_DATA_DIR: flags["data-dir"] }));
    const token = await signToken(ensureSecrets(secrets, meshSecrets), {
      subject: flags.subject,
      roles: flags.role,
      seconds: Number(flags.minutes) * 60,
    });
    process.stdout.write(`${token}\n`);
    return exitCodes.ok;
  },
});
