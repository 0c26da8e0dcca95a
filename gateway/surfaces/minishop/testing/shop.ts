import { create, type DescService, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Failure,
  FailureSchema,
  FailureService,
  FailureStatus,
} from "@ordermesh/proto/ordermesh/order/v1/failure_pb";
import {
  Channel,
  type Order,
  OrderSchema,
  OrderService,
  OrderStatus,
} from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { type ActivitySchema, ActivityState, SeckillService } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import { localAdministrator, type Principal } from "@ordermesh/runtime/auth/principal.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { createHealth } from "@ordermesh/runtime/rpc/health.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { createRegistry } from "@ordermesh/runtime/rpc/registry.ts";
import { bindService, type ServiceHandlers } from "@ordermesh/runtime/rpc/service.ts";
import { incomingTrace } from "@ordermesh/runtime/telemetry/trace-context.ts";
import pino from "pino";
import { serve, type TestServer } from "../../../transcoder/testing/serve.ts";
import { createTranscoder } from "../../../transcoder/transcoder.ts";
import { createMiniShopSurface } from "../index.ts";
import { createOldGateway } from "../old-gateway.ts";

type Handlers = ServiceHandlers<typeof OrderService> &
  ServiceHandlers<typeof SeckillService> &
  ServiceHandlers<typeof FailureService>;

/** One native call that the surface made. */
export interface NativeCall {
  readonly method: string;
  readonly request: unknown;
}

export interface Shop extends TestServer {
  readonly calls: NativeCall[];
}

export interface ShopOptions {
  /** Native methods that the test uses; any other answers UNIMPLEMENTED. */
  readonly native?: Partial<Handlers>;
  readonly alone?: boolean;
  /** Served as the old gateway was, to pages of these origins. */
  readonly gateway?: { readonly origins?: readonly string[] };
  readonly ready?: boolean;
  /** Native services that do not answer for their health. */
  readonly sick?: readonly DescService[];
  /** Throws what the gateway's authenticator would. */
  readonly authenticate?: () => Principal;
}

/** The surface behind a real transcoder, its native calls through the runtime's whole interceptor chain. */
export async function startShop(options: ShopOptions = {}): Promise<Shop> {
  const { native = {}, alone = false, ready = true, sick = [], authenticate = () => localAdministrator } = options;
  const log = pino({ level: "silent" });
  const calls: NativeCall[] = [];
  const bind = (service: typeof OrderService | typeof SeckillService | typeof FailureService) => {
    const handlers = Object.fromEntries(
      service.methods.map((method) => {
        const own = native[method.localName as keyof Handlers] as ((...args: unknown[]) => unknown) | undefined;
        const handler = async (request: unknown, context: unknown) => {
          calls.push({ method: method.localName, request });
          if (own === undefined) throw fail("UNIMPLEMENTED");
          return own(request, context);
        };
        return [method.localName, handler];
      }),
    );
    return bindService(service, handlers as never);
  };
  const readiness = { status: () => (ready ? "SERVING" : "NOT_SERVING"), subscribe: () => () => undefined } as const;
  const healthy = [OrderService, SeckillService].filter((service) => !sick.includes(service));
  const health = createHealth(readiness, healthy);
  const registry = createRegistry({
    bindings: [bind(OrderService), bind(SeckillService), bind(FailureService), health],
    authenticate: async () => localAdministrator,
    observe: () => () => undefined,
    tracing: { begin: incomingTrace },
    log,
  });
  const caller = localCaller(registry, "rest");
  const shop = { caller, currency: "CNY", readiness };
  const transcoder = createTranscoder({
    surfaces:
      options.gateway === undefined
        ? [createMiniShopSurface(shop)]
        : createOldGateway({ ...shop, origins: options.gateway.origins ?? [] }),
    alone,
    caller,
    authenticate,
    log,
  });
  return { ...(await serve((request, response) => void transcoder.handle(request, response))), calls };
}

/** A time as protobuf has it. */
export function at(text: string): { seconds: bigint; nanos: number } {
  const ms = Date.parse(text);
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
}

/** The order of the contract's example (1.4, O2). */
export function exampleOrder(change: Exclude<MessageInitShape<typeof OrderSchema>, Order> = {}) {
  const created = at("2030-05-04T10:00:00.120Z");
  return create(OrderSchema, {
    orderId: "ord_1",
    number: 918n,
    channel: Channel.SECKILL,
    externalId: "SK30017000042",
    buyerId: "7000",
    status: OrderStatus.PENDING,
    total: { currency: "CNY", minorUnits: 250n },
    lines: [
      {
        number: 919n,
        productId: "3001",
        productName: "Product-3001",
        quantity: 2n,
        unitPrice: "1.25",
        total: { currency: "CNY", minorUnits: 250n },
        createdAt: created,
        updatedAt: created,
      },
    ],
    traceId: "trace_42",
    createdAt: created,
    updatedAt: created,
    expiresAt: at("2030-05-04T10:30:00Z"),
    cancelReason: "never shown",
    ...change,
  });
}

/** The failure of the contract's example (1.4, O7). */
export function exampleFailure(change: Exclude<MessageInitShape<typeof FailureSchema>, Failure> = {}) {
  return create(FailureSchema, {
    number: 5n,
    externalOrderId: "SK1",
    buyerId: "8",
    productId: "3001",
    failureType: "TRANSIENT",
    messageData: Buffer.from('{"order_id":"SK1"}'),
    originalError: "first",
    lastError: "db timeout",
    retryCount: 1,
    maxRetries: 3,
    nextRetryAt: at("2030-05-04T10:00:02Z"),
    status: FailureStatus.PENDING,
    createdAt: at("2030-05-04T10:00:00Z"),
    updatedAt: at("2030-05-04T10:00:00Z"),
    ...change,
  });
}

/** The activity of the contract's example (1.5). */
export const exampleActivity: MessageInitShape<typeof ActivitySchema> = {
  activityId: "act_1",
  productId: "3001",
  productName: "Lamp",
  price: { currency: "CNY", minorUnits: 1250n },
  stock: { total: 2n, free: 1n, reserved: 1n },
  startsAt: at("2030-05-04T10:00:00Z"),
  endsAt: at("2030-05-04T11:00:00Z"),
  state: ActivityState.OPEN,
  label: "active",
};
