// The seller of flash sales with one transaction for each purchase. Everything else is as services/main.ts has it.
import { Rush } from "@ordermesh/order/domain/rush.ts";
import { startSeckillConsumer } from "@ordermesh/order/events/seckill-consumer.ts";
import { seckillService } from "@ordermesh/order/rpc/seckill-service.ts";
import { openOneByOne } from "../../machine/one-by-one.ts";
import { log } from "../../machine/order-store.ts";
import { serveBindings } from "../../machine/serve-bindings.ts";

const { database, bus, limits } = await openOneByOne();
const rush = new Rush();
await startSeckillConsumer({ database, bus, log, rush });
const settings = { mostTogether: limits.maxBatch, concurrency: limits.concurrency };
await serveBindings([seckillService({ database, log, rush, settings })]);
