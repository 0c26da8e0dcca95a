// `npm run db:restore`: a backup in the place of the databases.
import { exitCodes, runCommand, UsageError } from "../mesh/cli/command.ts";
import { restore } from "./backup/backup.ts";
import { chooseTarget, targetHelp } from "./backup/choose-target.ts";

await runCommand({
  usage: `usage: npm run db:restore -- FILE --yes [--while-running] [--mesh | --embedded] [--help]

Puts a backup of db:backup in the place of the databases. It is checked first, in a schema of its own; then it takes the
place of everything that is there, all at once or not at all. Refuses while services use the database.

  --yes             that you mean it: what is there now is lost (SQLite files are put aside)
  --while-running   although services use the database server; restart them at once afterwards, for they remember numbers that
                    they have taken. An embedded instance has to be stopped.

${targetHelp}
Messages are no part of a backup. Events that the backup's outbox still has are published when the services start, under
their ids, which the broker and the consumers' inboxes know again. With NATS_URL, in the mesh and for the embedded bus, the
consumers begin anew with the oldest message that is kept (7 days): what the backup has handled is passed over, what was
handled after it is done again. Purchases that were accepted after the backup end as failures, which name buyer and product.
`,
  options: {
    yes: { type: "boolean", default: false },
    "while-running": { type: "boolean", default: false },
    mesh: { type: "boolean", default: false },
    embedded: { type: "boolean", default: false },
  },
  positionals: ["FILE"],
  async run({ values: flags, positionals: [file = ""] }) {
    const target = await chooseTarget(process.env, flags);
    try {
      if (!flags.yes) throw new UsageError(`this replaces ${target.title}: say it with --yes`);
      const options = { whileRunning: flags["while-running"], now: new Date() };
      const { manifest, notes } = await restore(target, file, options);
      for (const note of notes) process.stdout.write(`${note}\n`);
      process.stdout.write(`${target.title} is as it was at ${manifest.createdAt}\n`);
      if (flags["while-running"]) process.stdout.write("restart the services now\n");
      return exitCodes.ok;
    } finally {
      await target.close();
    }
  },
});
