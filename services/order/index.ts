import type { RuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";
import type { EventBus, StreamSpec, Subscription } from "@ordermesh/runtime/events/bus.ts";
import type { Part } from "@ordermesh/runtime/lifecycle/lifecycle.ts";
import type { Readiness } from "@ordermesh/runtime/lifecycle/readiness.ts";
import type { ServiceBinding } from "@ordermesh/runtime/rpc/service.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { type Migrator, migrator } from "@ordermesh/runtime/store/migrate.ts";
import { openDatabase } from "@ordermesh/runtime/store/open-database.ts";
import { type OutboxRelay, startOutboxRelay } from "@ordermesh/runtime/store/outbox-relay.ts";
import { type Retention, sharedRetention, startRetention } from "@ordermesh/runtime/store/retention.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import type { TlsIdentity } from "@ordermesh/runtime/tls/identity.ts";
import type { orderOptions } from "./config.ts";
import { Rush } from "./domain/rush.ts";
import { startExpirySweeper } from "./events/expiry-sweeper.ts";
import { startFailureSweeper } from "./events/failure-sweeper.ts";
import { startSeckillConsumer } from "./events/seckill-consumer.ts";
import { failureService } from "./rpc/failure-service.ts";
import { orderService } from "./rpc/order-service.ts";
import { orderTaskService } from "./rpc/order-task-service.ts";
import { seckillService } from "./rpc/seckill-service.ts";
import { orderMigrations } from "./store/migrations/index.ts";
import { orderRetention } from "./store/order-retention.ts";
import { orderTaskRetention } from "./store/order-task-store.ts";

export interface OrderServiceOptions {
  readonly config: RuntimeConfig<typeof orderOptions>;
  readonly bus: EventBus;
  /** Absolute; of this process alone where the database is SQLite. */
  readonly dataDir: string;
  /** For the database's connections, where they are TLS. */
  readonly identity?: TlsIdentity;
  readonly readiness: Readiness;
  readonly log: Logger;
}

export interface OrderService {
  readonly bindings: readonly ServiceBinding[];
  /** To be started in this order, before the server and after the bus. */
  readonly parts: readonly Part[];
}

const dayMs = 86_400_000;
/** Publishers repeat what they do not know to be stored within minutes. */
const dedupeWindowMs = 20 * 60_000;

/** Subjects that operators may publish to: the messages that come from outside. */
export const publishableSubjects: readonly string[] = ["seckill.>"];

export interface OrderDatabaseOptions {
  readonly config: RuntimeConfig;
  readonly dataDir: string;
  /** Needed with DATABASE_TLS. */
  readonly identity?: TlsIdentity;
  readonly log: Logger;
}

/** The database of the order service as configured. Throws StartupError. Runs no migrations. */
export function openOrderDatabase({ config, dataDir, identity, log }: OrderDatabaseOptions): Promise<Database> {
  const { values } = config;
  return openDatabase({
    service: "order",
    url: values.DATABASE_URL,
    dataDir,
    ...(values.DATABASE_TLS === "true" && { tls: identity }),
    log,
    poolSize: values.DB_POOL_SIZE,
    statementTimeoutMs: values.DB_STATEMENT_TIMEOUT_MS,
    lockTimeoutMs: values.DB_LOCK_TIMEOUT_MS,
  });
}

/** The order database's migrations. */
export function orderMigrator(database: Database, log: Logger): Migrator {
  return migrator(database, orderMigrations, log);
}

/** Makes the order service: database migrated, handlers bound; its parts begin to work when they are started. */
export async function createOrderService(options: OrderServiceOptions): Promise<OrderService> {
  const { config, bus, readiness, log } = options;
  const { values } = config;
  // Messages from outside name none; they are those of the system that the surface replaces.
  const currency = config.surfaces.minishop?.currency;
  const paymentWindowMs = values.ORDER_PAYMENT_WINDOW_MINUTES * 60_000;
  const database = await openOrderDatabase(options);
  try {
    await orderMigrator(database, log).up();
  } catch (error) {
    await database.close();
    throw error;
  }
  readiness.add("order database", () => database.check());

  let relay: OutboxRelay | undefined;
  let retention: Retention | undefined;
  let failureSweeper: ReturnType<typeof startFailureSweeper> | undefined;
  let expirySweeper: ReturnType<typeof startExpirySweeper> | undefined;
  let consumer: Subscription | undefined;
  const rush = new Rush();
  readiness.add("order outbox", () => relay?.problem);
  readiness.add("seckill consumer", () => (consumer?.healthy ? undefined : "it does not consume"));

  return {
    bindings: [
      orderService({ database, settings: { currency } }),
      orderTaskService({
        database,
        settings: {
          limitIgnoresFailed: values.LIMIT_IGNORES_FAILED === "true",
          autoCompleteMerged: values.AUTO_COMPLETE_MERGED === "true",
        },
      }),
      seckillService({ database, log, rush, settings: { paymentWindowMs, mostWaiting: values.PURCHASE_QUEUE } }),
      failureService({ database, log, currency, paymentWindowMs }),
    ],
    parts: [
      { name: "order database", stop: () => database.close() },
      {
        name: "order streams",
        start: async () => {
          for (const stream of orderStreams(values.STREAM_RETENTION_DAYS * dayMs)) await bus.ensureStream(stream);
        },
      },
      {
        name: "order outbox relay",
        start: () => {
          // On SQLite this process has the data directory to itself: after a crash it need not wait for its own lease.
          const owner = database.dialect.name === "sqlite" ? "embedded" : undefined;
          relay = startOutboxRelay({ database, bus, log, ...(owner === undefined ? {} : { owner }) });
        },
        stop: () => relay?.stop(),
      },
      {
        name: "seckill consumer",
        start: async () => {
          const settings = { currency, paymentWindowMs, longestRushMs: values.PURCHASE_RUSH_SECONDS * 1000 };
          consumer = await startSeckillConsumer({ database, bus, log, rush, settings });
        },
        stop: () => consumer?.stop(),
      },
      {
        name: "order expiry",
        start: () => {
          expirySweeper = startExpirySweeper({ database, log });
        },
        stop: () => expirySweeper?.stop(),
      },
      {
        name: "failure retries",
        start: () => {
          failureSweeper = startFailureSweeper({ database, log, currency, paymentWindowMs });
        },
        stop: () => failureSweeper?.stop(),
      },
      {
        name: "order retention",
        start: () => {
          const shared = sharedRetention(database, {
            inboxMs: values.INBOX_RETENTION_DAYS * dayMs,
            idempotencyMs: values.IDEMPOTENCY_RETENTION_DAYS * dayMs,
          });
          const rules = [...shared, ...orderTaskRetention, ...orderRetention];
          retention = startRetention({ database, rules, log });
        },
        stop: () => retention?.stop(),
      },
    ],
  };
}

function orderStreams(maxAgeMs: number): readonly StreamSpec[] {
  return [
    { name: "SECKILL", subjects: ["seckill.>"], maxAgeMs, dedupeWindowMs },
    { name: "EVENTS", subjects: ["ordermesh.>"], maxAgeMs, dedupeWindowMs },
  ];
}
