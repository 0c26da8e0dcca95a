// `npm run db:backup`: a checked copy of the databases, while they are used or not.
import { join } from "node:path";
import { exitCodes, runCommand } from "../mesh/cli/command.ts";
import { backUp } from "./backup/backup.ts";
import { chooseTarget, targetHelp } from "./backup/choose-target.ts";

await runCommand({
  usage: `usage: npm run db:backup -- [--out FILE] [--mesh | --embedded] [--help]

Copies the databases as of one moment, while services run or not, checks the copy (it is loaded into a schema of its own, and all
its rows are counted), packs it into FILE (tar, gzip; default: DATA_DIR/backups/<product>-<time>.tar.gz) and reads that again.
It never overwrites a file.

${targetHelp}
Not in it: the messages of NATS JetStream or of the embedded bus, which keep them for days on disks of their own. Events that
were not published yet are rows of the database, and so in it.
`,
  options: {
    out: { type: "string" },
    mesh: { type: "boolean", default: false },
    embedded: { type: "boolean", default: false },
  },
  async run({ values: flags }) {
    const now = new Date();
    const target = await chooseTarget(process.env, flags);
    try {
      const name = `${await target.product()}-${now.toISOString().replace(/[-:]|\.\d+/g, "")}.tar.gz`;
      const out = flags.out ?? join(process.env.DATA_DIR || "data", "backups", name);
      const { bytes, databases } = await backUp(target, out, now);
      for (const { name, tables, rows } of databases)
        process.stdout.write(`${name}: ${rows} rows in ${tables} tables, checked\n`);
      process.stdout.write(`${target.title} is in ${out} (${(bytes / 1024).toFixed(0)} KiB)\n`);
      return exitCodes.ok;
    } finally {
      await target.close();
    }
  },
});
