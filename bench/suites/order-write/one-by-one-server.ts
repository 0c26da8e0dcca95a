// The order services with one transaction a call, as many at a time as there are connections. Everything else is as
// services/main.ts has it.
import { orderOptions } from "@ordermesh/order/config.ts";
import { openOrderDatabase, orderMigrator } from "@ordermesh/order/index.ts";
import { orderService } from "@ordermesh/order/rpc/order-service.ts";
import { orderTaskService } from "@ordermesh/order/rpc/order-task-service.ts";
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
const limits = { maxBatch: 1, concurrency: database.dialect.name === "sqlite" ? 1 : DB_POOL_SIZE };
await serveBindings([orderTaskService({ database, limits }), orderService({ database, limits })]);
