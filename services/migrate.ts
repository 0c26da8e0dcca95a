import { gatewayOptions, legacySurfaces } from "@ordermesh/gateway/config.ts";
import { orderOptions } from "@ordermesh/order/config.ts";
import { openOrderDatabase, orderMigrator } from "@ordermesh/order/index.ts";
import { loadRuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";
import { openDataDir } from "@ordermesh/runtime/lifecycle/data-dir.ts";
import { exitWithFailure } from "@ordermesh/runtime/lifecycle/run-process.ts";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";

const usage = "usage: npm run migrate -- up | down [STEPS] | status";

/** Applies, reverts or shows the migrations of every service. */
async function main(): Promise<void> {
  const [command, count = "1", ...more] = process.argv.slice(2);
  const known = command === "up" || command === "down" || command === "status";
  if (!known || more.length > 0 || !/^[1-9]\d{0,3}$/.test(count)) {
    throw new StartupError("this is not a command of migrate", usage, { exitCode: 2 });
  }
  const config = loadRuntimeConfig(process.env, {
    surfaces: legacySurfaces,
    extra: { ...gatewayOptions, ...orderOptions },
  });
  const log = createLogger({ service: "migrate", level: config.values.LOG_LEVEL, format: config.values.LOG_FORMAT });
  const dataDir = config.values.DATABASE_URL === undefined ? openDataDir(config.values.DATA_DIR) : undefined;
  const database = await openOrderDatabase(config, config.values.DATA_DIR, log);
  try {
    const migrations = orderMigrator(database, log);
    if (command === "status") {
      for (const { name, state } of await migrations.status()) process.stdout.write(`${state.padEnd(8)} ${name}\n`);
      return;
    }
    const names = command === "up" ? await migrations.up() : await migrations.down(Number(count));
    for (const name of names) process.stdout.write(`${command} ${name}\n`);
    if (names.length === 0) process.stdout.write("nothing to do\n");
  } finally {
    await database.close();
    dataDir?.release();
  }
}

main().catch(exitWithFailure);
