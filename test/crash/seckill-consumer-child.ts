import { startSeckillConsumer } from "@ordermesh/order/events/seckill-consumer.ts";
import { openBus } from "@ordermesh/runtime/events/open-bus.ts";
import { openDatabase } from "@ordermesh/runtime/store/open-database.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";

// Consumes until it is killed.
const { url, directory, natsUrl, busDir } = JSON.parse(process.argv[2] ?? "") as {
  url: string | undefined;
  directory: string;
  natsUrl: string | undefined;
  busDir: string;
};
const log = createLogger({ service: "child", level: "silent" });
const database = await openDatabase({ service: "test", url, dataDir: directory, log });
const bus = await openBus({ natsUrl, dataDir: busDir, log });
await startSeckillConsumer({ database, bus, log, settings: { ackWaitMs: 2000, batchSize: 100 } });
