import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type CreateTaskResponseSchema,
  type GetCurrentTaskResponseSchema,
  OrderTrackerService,
  type UpdateTaskRequest,
  type UpdateTaskResponseSchema,
} from "@ordermesh/proto/compat/ordertracker/v1/order_tracker_pb";
import { OrderTaskService } from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { metadataOf } from "@ordermesh/runtime/errors/inspect.ts";
import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import type { Caller } from "@ordermesh/runtime/rpc/caller.ts";
import { bindService, type ServiceBinding } from "@ordermesh/runtime/rpc/service.ts";
import { relay } from "../../transcoder/relay.ts";
import { failureId, withReason } from "./failures.ts";
import { textToHundredths } from "./price.ts";
import { taskDetail } from "./task-detail.ts";
import { texts } from "./texts.ts";

const native = OrderTaskService.method;

/** The native service takes no longer ids and names; no task has one. */
const maxTaskIdLength = 255;
const maxUserNameLength = 400;

/** OrderTracker's operations by the native ones. Every refusal is a reply: 200 with `success: false`. */
export function orderTrackerService(caller: Caller, currency: string): ServiceBinding {
  return bindService(OrderTrackerService, {
    async health() {
      return { status: "healthy", service: "OrderTracker" };
    },

    async createTask({ userName, shopName, productUrl, productPrice, productSku }, context) {
      const minorUnits = textToHundredths(productPrice);
      const request = { userName, shopName, productUrl, productPrice: { currency, minorUnits }, productSku };
      try {
        const { message } = await relay(caller, context).unary(native.createOrderTask, request);
        const { number, taskId } = message.task ?? {};
        return { success: true, message: texts.created, taskId: number, taskUuid: taskId };
      } catch (error) {
        return createRefusal(error, userName, shopName, context);
      }
    },

    async updateTask(request, context) {
      const { taskUuid } = request;
      if (taskUuid === "" || taskUuid.length > maxTaskIdLength) return unknownTask(taskUuid);
      try {
        const { message } = await relay(caller, context).unary(native.updateOrderTask, nativeUpdate(request));
        return {
          success: true,
          message: texts.updated(message.updatedFields),
          taskId: message.task?.number,
          taskUuid: message.task?.taskId,
        };
      } catch (error) {
        return updateRefusal(error, taskUuid, context);
      }
    },

    async getCurrentTask({ userName }, context) {
      if (userName.length > maxUserNameLength) return noCurrent(userName);
      try {
        const { message } = await relay(caller, context).unary(native.getCurrentOrderTask, { userName });
        const task = message.task === undefined ? undefined : taskDetail(message.task);
        return { success: true, message: texts.current(userName), task };
      } catch (error) {
        return currentRefusal(error, userName, context);
      }
    },
  });
}

function nativeUpdate(request: UpdateTaskRequest): MessageInitShape<typeof native.updateOrderTask.input> {
  const { taskUuid, orderId, orderStatus, alipayTradeNo, errorMessage, force } = request;
  const { receiverName, receiverAddress, receiverPhone } = request;
  return {
    taskId: taskUuid,
    shopOrderId: orderId,
    alipayTradeNo,
    receiverName,
    receiverAddress,
    receiverPhone,
    // The numbers are the same on both sides.
    status: orderStatus,
    errorMessage,
    force,
  };
}

type CreateRefusal = MessageInitShape<typeof CreateTaskResponseSchema>;
type UpdateRefusal = MessageInitShape<typeof UpdateTaskResponseSchema>;
type CurrentRefusal = MessageInitShape<typeof GetCurrentTaskResponseSchema>;

function createRefusal(error: unknown, user: string, shop: string, context: CallContext): CreateRefusal {
  const limit = withReason(error, "ORDER_LIMIT_24H");
  if (limit !== undefined) {
    const { task_id: taskUuid, remaining_ms: remainingMs } = metadataOf(limit);
    return { success: false, message: texts.limited(user, shop, Number(remainingMs)), taskUuid };
  }
  return { success: false, message: texts.createFailed(texts.internal(failureId(error, context))) };
}

function updateRefusal(error: unknown, taskUuid: string, context: CallContext): UpdateRefusal {
  if (withReason(error, "TASK_NOT_FOUND")) return unknownTask(taskUuid);
  if (withReason(error, "TASK_FINAL")) return { success: false, message: texts.updateFailed(texts.finalState) };
  return { success: false, message: texts.updateFailed(texts.internal(failureId(error, context))) };
}

function currentRefusal(error: unknown, user: string, context: CallContext): CurrentRefusal {
  if (withReason(error, "TASK_NOT_FOUND")) return noCurrent(user);
  return { success: false, message: texts.currentFailed(texts.internal(failureId(error, context))) };
}

function unknownTask(taskUuid: string): UpdateRefusal {
  return { success: false, message: texts.unknownTask(taskUuid) };
}

function noCurrent(user: string): CurrentRefusal {
  return { success: false, message: texts.noCurrent(user) };
}
