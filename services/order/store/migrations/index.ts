import type { Migration } from "@ordermesh/runtime/store/migration.ts";
import { orderTasks } from "./0001-order-tasks.ts";
import { orderBook } from "./0002-order-book.ts";
import { listIndexes } from "./0003-list-indexes.ts";
import { linesByOrder } from "./0004-lines-by-order.ts";
import { userLists } from "./0005-user-lists.ts";
import { taskPriceOfNothing } from "./0006-task-price-of-nothing.ts";
import { ordersByReservation } from "./0007-orders-by-reservation.ts";

/** The order service's schema, oldest step first. */
export const orderMigrations: readonly Migration[] = [
  orderTasks,
  orderBook,
  listIndexes,
  linesByOrder,
  userLists,
  taskPriceOfNothing,
  ordersByReservation,
];
