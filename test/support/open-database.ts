import type { Database } from "@ordermesh/runtime/store/database.ts";
import { migrator } from "@ordermesh/runtime/store/migrate.ts";
import type { Migration } from "@ordermesh/runtime/store/migration.ts";
import { type DatabaseOptions, openDatabase } from "@ordermesh/runtime/store/open-database.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { onTestFinished } from "vitest";
import { type DatabaseKind, freshDatabase, type TestDatabase } from "./databases.ts";

/** Says nothing. */
export const quietLog = createLogger({ service: "test", level: "silent" });

/** Opens a service's store on a test database; the caller closes it. */
export function openOn(fresh: TestDatabase, options: Partial<DatabaseOptions> = {}): Promise<Database> {
  return openDatabase({ service: "test", url: fresh.url, dataDir: fresh.directory, log: quietLog, ...options });
}

/**
 * A fresh, migrated database of service `test`: the shared tables and what `migrations` add. Closed and dropped by
 * itself when opened inside a test; elsewhere call `dispose`.
 */
export async function openFresh(
  kind: DatabaseKind,
  migrations: readonly Migration[] = [],
  options: Partial<DatabaseOptions> = {},
): Promise<{ database: Database; fresh: TestDatabase; dispose(): Promise<void> }> {
  const fresh = await freshDatabase(kind);
  const database = await openOn(fresh, options);
  await migrator(database, migrations, quietLog).up();
  const dispose = async (): Promise<void> => {
    await database.close();
    await fresh.drop();
  };
  return { database, fresh, dispose };
}

/** As `openFresh`, for use inside one test, which cleans up by itself. */
export async function openForTest(
  kind: DatabaseKind,
  migrations: readonly Migration[] = [],
  options: Partial<DatabaseOptions> = {},
): Promise<{ database: Database; fresh: TestDatabase }> {
  const { database, fresh, dispose } = await openFresh(kind, migrations, options);
  onTestFinished(dispose);
  return { database, fresh };
}
