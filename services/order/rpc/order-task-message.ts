import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type OrderTask, OrderTaskSchema } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import type { Principal } from "@ordermesh/runtime/auth/principal.ts";
import type { OrderTaskRecord } from "../domain/order-task.ts";

/** A task as this principal may see it: the receiver masked unless it sees personal data. */
export function taskMessage(task: OrderTaskRecord, { seesPersonalData }: Principal): OrderTask {
  const { createdAt, updatedAt, completedAt, number, receiverName, receiverAddress, receiverPhone, ...same } = task;
  const seen = (text: string | undefined, kept: number) =>
    text === undefined || seesPersonalData ? text : masked(text, kept);
  const init: MessageInitShape<typeof OrderTaskSchema> = {
    ...dropUndefined(same),
    number: BigInt(number),
    ...dropUndefined({
      receiverName: seen(receiverName, 1),
      receiverAddress: seen(receiverAddress, 0),
      receiverPhone: seen(receiverPhone, 0),
      completedAt: completedAt === undefined ? undefined : timestampFromMs(completedAt),
    }),
    createdAt: timestampFromMs(createdAt),
    updatedAt: timestampFromMs(updatedAt),
  };
  return create(OrderTaskSchema, init);
}

/** The first characters and three stars, whatever the length was; nothing stays nothing. */
function masked(text: string, kept: number): string {
  return text === "" ? "" : `${[...text].slice(0, kept).join("")}***`;
}

function dropUndefined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
