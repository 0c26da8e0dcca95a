import { SeckillService } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import { localAdministrator } from "@ordermesh/runtime/auth/principal.ts";
import { createClient } from "@ordermesh/runtime/rpc/caller.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { openDatabase } from "@ordermesh/runtime/store/open-database.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { seckillService } from "../seckill-service.ts";

// Buys in one activity, ten buyers at a time, until it is killed; reports the order of each yes by IPC.
const { url, directory, activityId } = JSON.parse(process.argv[2] ?? "") as {
  url: string | undefined;
  directory: string;
  activityId: string;
};
const log = createLogger({ service: "child", level: "silent" });
const database = await openDatabase({ service: "test", url, dataDir: directory, log });
const registry = await registryOf([seckillService({ database, log })], { log });
const seckill = createClient(SeckillService, localCaller(registry));
for (let round = 0; ; round++) {
  await Promise.all(
    Array.from({ length: 10 }, async (_, index) => {
      const request = { activityId, buyerId: `${process.pid}-${round}-${index}`, quantity: 1n };
      const { reservation } = await seckill.purchase(request, { principal: localAdministrator });
      process.send?.(reservation?.orderId);
    }),
  );
}
