import type { Suite } from "./suite.ts";
import { growth } from "./suites/growth/suite.ts";
import { meshCost } from "./suites/mesh-cost/suite.ts";
import { orderRead } from "./suites/order-read/suite.ts";
import { orderWrite } from "./suites/order-write/suite.ts";
import { purchaseToOrder } from "./suites/purchase-to-order/suite.ts";
import { restInproc } from "./suites/rest-inproc/suite.ts";
import { seckillDrain } from "./suites/seckill-drain/suite.ts";
import { seckillPurchase } from "./suites/seckill-purchase/suite.ts";
import { start } from "./suites/start.ts";

/** Every suite, in the order of a full run. */
export const suites: readonly Suite[] = [
  seckillDrain,
  seckillPurchase,
  purchaseToOrder,
  orderRead,
  orderWrite,
  restInproc,
  start,
  growth,
  meshCost,
];
