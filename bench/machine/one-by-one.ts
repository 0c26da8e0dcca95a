import { orderOptions } from "@ordermesh/order/config.ts";
import { openOrderDatabase, orderMigrator } from "@ordermesh/order/index.ts";
import { loadRuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";
import type { EventBus } from "@ordermesh/runtime/events/bus.ts";
import { openBus } from "@ordermesh/runtime/events/open-bus.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { startOutboxRelay } from "@ordermesh/runtime/store/outbox-relay.ts";
import { log } from "./order-store.ts";
import { orderStreams } from "./order-streams.ts";

/** What services of a baseline stand on that does not commit together what arrives together. */
export interface OneByOne {
  readonly database: Database;
  readonly bus: EventBus;
  /** One call a transaction, as many at a time as there are connections. */
  readonly limits: { readonly maxBatch: number; readonly concurrency: number };
}

/** Database, bus and relay as services/main.ts configures them. */
export async function openOneByOne(): Promise<OneByOne> {
  const config = loadRuntimeConfig(process.env, { extra: orderOptions });
  const { DATA_DIR, NATS_URL, DB_POOL_SIZE } = config.values;
  const database = await openOrderDatabase({ config, dataDir: DATA_DIR, log });
  await orderMigrator(database, log).up();
  const bus = await openBus({ natsUrl: NATS_URL, dataDir: DATA_DIR, log });
  for (const stream of orderStreams) await bus.ensureStream(stream);
  startOutboxRelay({ database, bus, log });
  return { database, bus, limits: { maxBatch: 1, concurrency: database.dialect.name === "sqlite" ? 1 : DB_POOL_SIZE } };
}
