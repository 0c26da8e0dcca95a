// The part of the order service that makes orders from messages, with the relay that sends their events on.
import { setTimeout as sleep } from "node:timers/promises";
import { type SeckillConsumerSettings, startSeckillConsumer } from "@ordermesh/order/events/seckill-consumer.ts";
import { openBus } from "@ordermesh/runtime/events/open-bus.ts";
import { startOutboxRelay } from "@ordermesh/runtime/store/outbox-relay.ts";
import { serveJobs } from "../../machine/job-server.ts";
import { countOrders, log, openStore, type Place } from "../../machine/order-store.ts";
import { orderStreams } from "../../machine/order-streams.ts";

/** Handed over as JSON. */
export interface DrainOptions {
  readonly place: Place;
  readonly natsUrl: string | undefined;
  readonly orders: number;
  /** Connections to the database. */
  readonly poolSize?: number;
  readonly settings?: SeckillConsumerSettings;
  /** Without it, events stay in the outbox. */
  readonly relay: boolean;
}

const { place, natsUrl, orders, poolSize, settings, relay }: DrainOptions = JSON.parse(process.argv[2] ?? "");
const database = await openStore(place, poolSize);
const bus = await openBus({ natsUrl, dataDir: place.directory, log });
for (const stream of orderStreams) await bus.ensureStream(stream);
if (relay) startOutboxRelay({ database, bus, log });

serveJobs({
  drain: async () => {
    await startSeckillConsumer({ database, bus, log, ...(settings === undefined ? {} : { settings }) });
    while ((await countOrders(database)) < orders) await sleep(20);
    const [row] = await database.read.all(`select count(*) as n from ${database.tables.outbox}`);
    return { unrelayed: Number(row?.n) };
  },
});
