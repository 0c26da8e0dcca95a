import type { DescService } from "@bufbuild/protobuf";
import { EventAdminService } from "@ordermesh/proto/ordermesh/events/v1/admin_pb";
import { MeshService } from "@ordermesh/proto/ordermesh/mesh/v1/mesh_pb";
import { FailureService } from "@ordermesh/proto/ordermesh/order/v1/failure_pb";
import { OrderService } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { OrderTaskService } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { SeckillService } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import type { RuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";

/** What the native REST surface shows. */
export const nativeServices: readonly DescService[] = [
  OrderService,
  OrderTaskService,
  SeckillService,
  FailureService,
  EventAdminService,
];

/** What it shows besides where the gateway is part of a mesh. */
export const meshServices: readonly DescService[] = [MeshService];

/** What this process's native surface shows. */
export function shownServices({ values }: RuntimeConfig): readonly DescService[] {
  return values.MESH_REGISTRY === "true" ? [...nativeServices, ...meshServices] : nativeServices;
}
