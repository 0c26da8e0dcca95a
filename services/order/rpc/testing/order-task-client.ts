import { OrderTaskService } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import type { Principal, Role } from "@ordermesh/runtime/auth/principal.ts";
import { type CallOptions, type Client, createClient } from "@ordermesh/runtime/rpc/caller.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import type { OrderTaskSettings } from "../../domain/order-task.ts";
import { orderTaskService } from "../order-task-service.ts";

export const operator: Principal = {
  id: "op",
  roles: new Set<Role>(["user", "operator"]),
  kind: "jwt",
  seesPersonalData: true,
};

/** A user of the native API. */
export function userNamed(id: string): Principal {
  return { id, roles: new Set<Role>(["user"]), kind: "jwt", seesPersonalData: false };
}

/** A client of OrderTaskService through all interceptors, calling as `operator` unless told otherwise. */
export async function orderTaskClient(
  database: Database,
  settings: OrderTaskSettings = {},
): Promise<Client<typeof OrderTaskService>> {
  const caller = localCaller(await registryOf([orderTaskService({ database, settings })]));
  return createClient(OrderTaskService, {
    unary: (method, request, options?: CallOptions) =>
      caller.unary(method, request, { principal: operator, ...options }),
  });
}

export const newTask = {
  userName: "lin.hao",
  shopName: "North Grain Store",
  productUrl: "https://shop.example.com/item/7",
  productPrice: { currency: "CNY", minorUnits: 4990n },
  productSku: "SKU-7",
};
