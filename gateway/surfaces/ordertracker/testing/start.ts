import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import {
  type CreateOrderTaskRequest,
  type OrderTaskSchema,
  OrderTaskService,
  type UpdateOrderTaskRequest,
} from "@ordermesh/proto/ordermesh/order/v1/order_task_pb";
import { localAdministrator } from "@ordermesh/runtime/auth/principal.ts";
import { defineErrors } from "@ordermesh/runtime/errors/define.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { createRegistry } from "@ordermesh/runtime/rpc/registry.ts";
import { bindService } from "@ordermesh/runtime/rpc/service.ts";
import { incomingTrace } from "@ordermesh/runtime/telemetry/trace-context.ts";
import pino from "pino";
import { type Answer, serve } from "../../../transcoder/testing/serve.ts";
import { createTranscoder, type TranscoderOptions } from "../../../transcoder/transcoder.ts";
import { createOrderTrackerSurface } from "../index.ts";

type Task = MessageInitShape<typeof OrderTaskSchema>;

/** What the native service answers; by default it knows no task. */
export interface NativeAnswers {
  create?(request: CreateOrderTaskRequest): Task;
  update?(request: UpdateOrderTaskRequest): { task: Task; updatedFields: number };
  current?(userName: string): Task;
}

export interface Fixture {
  /** Sends a body as JSON, or as it is when it is text; `request` is method and path. */
  ask(request: string, body?: unknown, headers?: Record<string, string>): Promise<Answer & { readonly json: unknown }>;
  readonly created: CreateOrderTaskRequest[];
  readonly updated: UpdateOrderTaskRequest[];
  /** Lines of the log. */
  readonly lines: string[];
  readonly port: number;
}

/** Refusals as the order service names them. */
export const refusals = defineErrors({
  ORDER_LIMIT_24H: { code: Code.AlreadyExists, text: "too early" },
  TASK_NOT_FOUND: { code: Code.NotFound, text: "no such task" },
  TASK_FINAL: { code: Code.FailedPrecondition, http: 409, text: "final" },
});

/** The surface on a port, before an OrderTaskService with answers of the test's own, behind the real interceptors. */
export async function start(answers: NativeAnswers = {}, change: Partial<TranscoderOptions> = {}): Promise<Fixture> {
  const lines: string[] = [];
  const log = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
  const created: CreateOrderTaskRequest[] = [];
  const updated: UpdateOrderTaskRequest[] = [];
  const unused = async () => {
    throw fail("UNIMPLEMENTED");
  };
  const registry = createRegistry({
    bindings: [
      bindService(OrderTaskService, {
        async createOrderTask(request) {
          created.push(request);
          return { task: answers.create?.(request) ?? { taskId: "u-1", number: 1n } };
        },
        async updateOrderTask(request) {
          updated.push(request);
          if (answers.update === undefined) throw fail(refusals.TASK_NOT_FOUND);
          return answers.update(request);
        },
        async getCurrentOrderTask({ userName }) {
          if (answers.current === undefined) throw fail(refusals.TASK_NOT_FOUND);
          return { task: answers.current(userName) };
        },
        getOrderTask: unused,
        listOrderTasks: unused,
        getOrderTaskStats: unused,
        listOrderTaskHistory: unused,
      }),
    ],
    authenticate: async () => localAdministrator,
    observe: () => () => undefined,
    tracing: { begin: incomingTrace },
    log,
  });
  const caller = localCaller(registry, "rest");
  const transcoder = createTranscoder({
    surfaces: [createOrderTrackerSurface({ caller, currency: "CNY" })],
    alone: true,
    caller,
    authenticate: () => localAdministrator,
    log,
    ...change,
  });
  const server = await serve((request, response) => void transcoder.handle(request, response));
  return {
    port: server.port,
    created,
    updated,
    lines,
    async ask(request, body, headers = { "content-type": "application/json" }) {
      const raw =
        body === undefined || typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
      const answer = await server.send(request, { headers, body: raw });
      return { ...answer, json: answer.body === "" ? undefined : JSON.parse(answer.body) };
    },
  };
}
