import { gatewayOptions, legacySurfaces } from "@ordermesh/gateway/config.ts";
import { orderOptions } from "@ordermesh/order/config.ts";
import { openOrderDatabase, orderMigrator } from "@ordermesh/order/index.ts";
import { loadRuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";
import { openDataDir } from "@ordermesh/runtime/lifecycle/data-dir.ts";
import { exitWithFailure } from "@ordermesh/runtime/lifecycle/run-process.ts";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { openTlsIdentity } from "@ordermesh/runtime/tls/identity.ts";

const usage = `usage: npm run migrate -- up | down [STEPS] --yes | status

  up             apply what is pending
  down [STEPS]   revert the last migrations, default 1: their tables go, and all that is in them; --yes says that you mean it
  status         show which are applied
`;

interface Command {
  readonly name: "up" | "down" | "status";
  readonly steps: number;
}

/** Applies, reverts or shows the migrations of every service. */
async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes("--help")) return void process.stdout.write(usage);
  const { name: command, steps } = parseCommand(args);
  const config = loadRuntimeConfig(process.env, {
    surfaces: legacySurfaces,
    extra: { ...gatewayOptions, ...orderOptions },
  });
  const log = createLogger({ service: "migrate", level: config.values.LOG_LEVEL, format: config.values.LOG_FORMAT });
  const dataDir = config.values.DATABASE_URL === undefined ? openDataDir(config.values.DATA_DIR) : undefined;
  const identity = config.tls && (await openTlsIdentity(config.tls.files, { log }));
  const database = await openOrderDatabase({ config, dataDir: config.values.DATA_DIR, identity, log });
  try {
    const migrations = orderMigrator(database, log);
    if (command === "status") {
      for (const { name, state } of await migrations.status()) process.stdout.write(`${state.padEnd(8)} ${name}\n`);
      return;
    }
    const names = command === "up" ? await migrations.up() : await migrations.down(steps);
    for (const name of names) process.stdout.write(`${command} ${name}\n`);
    if (names.length === 0) process.stdout.write("nothing to do\n");
  } finally {
    await database.close();
    identity?.close();
    dataDir?.release();
  }
}

/** Throws StartupError. */
function parseCommand(args: readonly string[]): Command {
  const [name, steps = "1", ...more] = args.filter((argument) => argument !== "--yes");
  const known = name === "up" || name === "down" || name === "status";
  if (!known || more.length > 0 || !/^[1-9]\d{0,3}$/.test(steps)) {
    throw new StartupError("this is not a command of migrate", "npm run migrate -- --help shows them", { exitCode: 2 });
  }
  if (name === "down" && !args.includes("--yes")) {
    throw new StartupError("down drops tables with all that is in them", "say it with --yes, or make a backup first", {
      exitCode: 2,
    });
  }
  return { name, steps: Number(steps) };
}

main().catch(exitWithFailure);
