import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TaskDetailSchema } from "@ordermesh/proto/compat/ordertracker/v1/order_tracker_pb";
import type { OrderTask } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { hundredthsToText } from "./price.ts";

/** A task as revision B shows it (contract 1.4). */
export function taskDetail(task: OrderTask): MessageInitShape<typeof TaskDetailSchema> {
  return {
    id: task.number,
    taskUuid: task.taskId,
    userName: task.userName,
    shopName: task.shopName,
    productUrl: task.productUrl,
    productPrice: hundredthsToText(task.productPrice?.minorUnits ?? 0n),
    productSku: task.productSku,
    orderStatus: task.status,
    errorMessage: task.errorMessage,
    orderId: task.shopOrderId,
    alipayTradeNo: task.alipayTradeNo,
    receiverName: task.receiverName,
    receiverAddress: task.receiverAddress,
    receiverPhone: task.receiverPhone,
    createdAt: task.createdAt,
    updatedAt: task.updatedAt,
    completedAt: task.completedAt,
  };
}
