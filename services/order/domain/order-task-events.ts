import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  OrderTaskCompletedSchema,
  OrderTaskCreatedSchema,
  OrderTaskFailedSchema,
  OrderTaskUpdatedSchema,
} from "@ordermesh/proto/ordermesh/events/v1/order_task_pb";
import { OrderTaskStatus } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import type { DomainEvent } from "./order-events.ts";
import type { OrderTaskRecord, TaskChange } from "./order-task.ts";

/** The event of a new task. */
export function createdEvent(task: OrderTaskRecord): DomainEvent {
  const { taskId, userName, shopName, productSku, productPrice, createdAt } = task;
  return event("created", OrderTaskCreatedSchema, {
    taskId,
    userName,
    shopName,
    productSku,
    productPrice,
    createdAt: timestampFromMs(createdAt),
  });
}

/** The events of a change: `updated`, and `completed` or `failed` where the status became that. */
export function changeEvents({ task, changedFields }: TaskChange, from: OrderTaskStatus): DomainEvent[] {
  const { taskId, status } = task;
  const events = [event("updated", OrderTaskUpdatedSchema, { taskId, changedFields: [...changedFields] })];
  if (status === from) return events;
  if (status === OrderTaskStatus.COMPLETED) {
    const { shopOrderId = "", alipayTradeNo = "", completedAt = task.updatedAt } = task;
    const completed = { taskId, shopOrderId, alipayTradeNo, completedAt: timestampFromMs(completedAt) };
    events.push(event("completed", OrderTaskCompletedSchema, completed));
  }
  if (status === OrderTaskStatus.FAILED) {
    events.push(event("failed", OrderTaskFailedSchema, { taskId, errorMessage: task.errorMessage ?? "" }));
  }
  return events;
}

function event<S extends DescMessage>(name: string, schema: S, init: MessageInitShape<S>): DomainEvent {
  return { subject: `ordermesh.order.task.${name}.v1`, data: toBinary(schema, create(schema, init)) };
}
