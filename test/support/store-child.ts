import { openJetStreamBus } from "@ordermesh/runtime/events/jetstream-bus.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { newId } from "@ordermesh/runtime/store/id.ts";
import { acquireLease } from "@ordermesh/runtime/store/leases.ts";
import { migrator } from "@ordermesh/runtime/store/migrate.ts";
import type { Migration } from "@ordermesh/runtime/store/migration.ts";
import { openDatabase } from "@ordermesh/runtime/store/open-database.ts";
import { startOutboxRelay } from "@ordermesh/runtime/store/outbox-relay.ts";
import { allocator } from "@ordermesh/runtime/store/sequence.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { counterMigration, crashingMigration, slowMigration } from "./store-migrations.ts";

/** What a second process does with a store; it reports by IPC messages. */
export type StoreTask =
  /** Takes `count` ids one by one; reports them. */
  | { readonly kind: "allocate"; readonly name: string; readonly count: number }
  /** Reports the owner, or "" where another one has the lease. */
  | { readonly kind: "acquire"; readonly name: string; readonly owner: string }
  /** Reports the migrations it applied. */
  | { readonly kind: "migrate"; readonly migrations: "slow" | "crashing" }
  /** Increments the counter with an event and an inbox row until it is killed; reports each commit. */
  | { readonly kind: "increment" }
  /** Relays the outbox to NATS until it is killed. */
  | { readonly kind: "relay"; readonly natsUrl: string };

const { url, directory, task } = JSON.parse(process.argv[2] ?? "") as {
  url: string | undefined;
  directory: string;
  task: StoreTask;
};
const log = createLogger({ service: "child", level: "silent" });
const database = await openDatabase({ service: "test", url, dataDir: directory, log });

function report(value: unknown): void {
  process.send?.(value);
}

async function increment(on: Database): Promise<never> {
  for (;;) {
    const id = newId("inc_");
    await on.transact(async (uow) => {
      await uow.inbox("child", [id]);
      await uow.run("update counter set value = value + 1 where id = 1");
      await uow.run("insert into increments (id) values (?)", [id]);
      uow.emit({ subject: "test.incremented", data: Buffer.from(id) });
    });
    report(id);
  }
}

switch (task.kind) {
  case "allocate": {
    const ids = allocator(database, task.name, 5);
    const taken: number[] = [];
    for (let count = 0; count < task.count; count++) taken.push(...(await ids.take(1)));
    report(taken);
    break;
  }
  case "acquire":
    report((await acquireLease(database, task.name, task.owner, 60_000))?.owner ?? "");
    break;
  case "migrate": {
    const lists: Record<typeof task.migrations, readonly Migration[]> = {
      slow: [counterMigration, slowMigration],
      crashing: [counterMigration, crashingMigration],
    };
    report(await migrator(database, lists[task.migrations], log).up());
    break;
  }
  case "increment":
    await increment(database);
    break;
  case "relay": {
    const bus = await openJetStreamBus({ natsUrl: task.natsUrl, log });
    startOutboxRelay({ database, bus, log, leaseMs: 1000 });
    report("relaying");
    await new Promise(() => {});
  }
}
await database.close();
process.disconnect?.();
