import { type CoalescedRead, coalesce, readSingly } from "@ordermesh/runtime/store/coalesce.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import type { OrderTaskRecord } from "../domain/order-task.ts";
import type { OrderWithLines } from "./order-row.ts";
import { type ChannelId, findOrders, lookupOrders } from "./order-store.ts";
import { findTasks } from "./order-task-store.ts";

/** Reads of single orders; those that arrive together are one query. Undefined: there is none. */
export interface OrderReads {
  readonly byId: CoalescedRead<string, OrderWithLines | undefined>;
  readonly byChannelId: CoalescedRead<ChannelId, OrderWithLines | undefined>;
}

export function orderReads({ read, dialect }: Database): OrderReads {
  const together = dialect.name === "sqlite" ? readSingly : coalesce;
  return {
    byId: together({ read: (ids: readonly string[]) => findOrders(read, ids) }),
    byChannelId: together({ read: (keys: readonly ChannelId[]) => lookupOrders(read, keys) }),
  };
}

/** Reads of single tasks, likewise. */
export function orderTaskReads({ read, dialect }: Database): CoalescedRead<string, OrderTaskRecord | undefined> {
  const together = dialect.name === "sqlite" ? readSingly : coalesce;
  return together({
    read: async (ids: readonly string[]) => {
      const tasks = await findTasks(read, ids);
      return ids.map((id) => tasks.get(id));
    },
  });
}
