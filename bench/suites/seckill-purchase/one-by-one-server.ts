// The seller of flash sales with one transaction for each purchase, as many at a time as it has connections: what a
// service does that does not commit together what arrives together. Everything else is as services/main.ts has it.
import { orderOptions } from "@ordermesh/order/config.ts";
import { startSeckillConsumer } from "@ordermesh/order/events/seckill-consumer.ts";
import { openOrderDatabase, orderMigrator } from "@ordermesh/order/index.ts";
import { seckillService } from "@ordermesh/order/rpc/seckill-service.ts";
import { loadRuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";
import { openBus } from "@ordermesh/runtime/events/open-bus.ts";
import { startOutboxRelay } from "@ordermesh/runtime/store/outbox-relay.ts";
import { log } from "../../machine/order-store.ts";
import { serveBindings } from "../../machine/serve-bindings.ts";
import { streams } from "../seckill-drain/streams.ts";

const config = loadRuntimeConfig(process.env, { extra: orderOptions });
const { DATA_DIR, NATS_URL, DB_POOL_SIZE } = config.values;
const database = await openOrderDatabase(config, DATA_DIR, log);
await orderMigrator(database, log).up();
const bus = await openBus({ natsUrl: NATS_URL, dataDir: DATA_DIR, log });
for (const stream of streams) await bus.ensureStream(stream);
startOutboxRelay({ database, bus, log });
await startSeckillConsumer({ database, bus, log });
const settings = { mostTogether: 1, concurrency: database.dialect.name === "sqlite" ? 1 : DB_POOL_SIZE };
await serveBindings([seckillService({ database, log, settings })]);
