import { createHash } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import type {
  BatchHandler,
  ConsumerSpec,
  Delivery,
  EventBus,
  Outcome,
  Subscription,
} from "@ordermesh/runtime/events/bus.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { type Allocator, allocator } from "@ordermesh/runtime/store/sequence.ts";
import { isStoreError, StoreError } from "@ordermesh/runtime/store/store-error.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import type { OrderIntake } from "../domain/order-intake.ts";
import type { Rush } from "../domain/rush.ts";
import { type RefusedOrder, readSeckillMessage } from "../domain/seckill-message.ts";
import { recordFailure } from "../store/failure-store.ts";
import { type IntakeResult, takeOrders } from "../store/order-intake.ts";

export interface SeckillConsumerSettings {
  /** Of messages that name none. Default CNY. */
  readonly currency?: string;
  /** How long an order from outside may be paid (milliseconds). Default 30 minutes. */
  readonly paymentWindowMs?: number;
  readonly ackWaitMs?: number;
  readonly maxDeliveries?: number;
  readonly backoffMs?: readonly number[];
  /** Default 500; on SQLite 100, because there a batch blocks the event loop. */
  readonly batchSize?: number;
  readonly batchTargetMs?: number;
  readonly concurrency?: number;
  /** How long a rush of buyers may hold up orders (milliseconds). Default 5000; 0: not at all. */
  readonly longestRushMs?: number;
}

interface SeckillConsumerOptions {
  readonly database: Database;
  readonly bus: EventBus;
  readonly log: Logger;
  /** While this process's buyers come in a rush, their answers come first and orders wait. Default: nobody comes first. */
  readonly rush?: Pick<Rush, "on">;
  readonly settings?: SeckillConsumerSettings;
}

/** Several batches; a crash wastes at most so many numbers. */
const numberBlock = 10_000;
/** A batch of orders waits so long for buyers (milliseconds). Shorter times let fewer buy, longer ones make orders late. */
const courtesyMs = 200;
/** Another consumer that takes the same orders has committed by then. */
const mostCollisions = 3;

/**
 * Turns the messages of stream SECKILL into orders: a batch in one transaction, each message with its own outcome
 * (docs/contracts/minishop.md 2.3). It needs no inbox: the order id, kept with the reservation, tells a message that
 * comes again, and a refused one must be refused again when the process ended before its dead letter was stored.
 */
export function startSeckillConsumer(options: SeckillConsumerOptions): Promise<Subscription> {
  const { database, bus, log, rush, settings = {} } = options;
  const { longestRushMs = 5000 } = settings;
  const spec: ConsumerSpec = {
    stream: "SECKILL",
    durable: "order-seckill",
    subjects: ["seckill.>"],
    ackWaitMs: settings.ackWaitMs ?? 30_000,
    maxDeliveries: settings.maxDeliveries ?? 6,
    backoffMs: settings.backoffMs ?? [200, 1000, 5000, 15_000, 30_000],
    batchSize: settings.batchSize ?? (database.dialect.name === "sqlite" ? 100 : 500),
    // A larger batch hardly costs less, and longer transactions hold locks and memory longer.
    batchTargetMs: settings.batchTargetMs ?? 400,
    // While one batch waits for the database, the other is decoded and written out.
    concurrency: settings.concurrency ?? 2,
    // Who heard yes is told the order from its reservation until it stands.
    ...(rush &&
      longestRushMs > 0 && { giveWayTo: { busy: () => rush.on, batchMs: courtesyMs, atMostMs: longestRushMs } }),
  };
  const consumer = new SeckillConsumer(database, log, spec.maxDeliveries, settings);
  const handler: BatchHandler = (batch) => consumer.handle(batch);
  return bus.subscribe(spec, handler);
}

interface Entry {
  readonly delivery: Delivery;
  readonly intake: OrderIntake;
}

class SeckillConsumer {
  readonly #database: Database;
  readonly #log: Logger;
  readonly #maxDeliveries: number;
  readonly #currency: string;
  readonly #paymentWindowMs: number | undefined;
  readonly #orderNumbers: Allocator;
  readonly #lineNumbers: Allocator;

  constructor(database: Database, log: Logger, maxDeliveries: number, settings: SeckillConsumerSettings) {
    this.#database = database;
    this.#log = log;
    this.#maxDeliveries = maxDeliveries;
    this.#currency = settings.currency ?? "CNY";
    this.#paymentWindowMs = settings.paymentWindowMs;
    this.#orderNumbers = allocator(database, "order", numberBlock);
    this.#lineNumbers = allocator(database, "order_line", numberBlock);
  }

  async handle(batch: readonly Delivery[]): Promise<readonly Outcome[]> {
    const outcomes = new Map<Delivery, Outcome>();
    const entries: Entry[] = [];
    for (const delivery of batch) {
      const reading = readSeckillMessage(delivery, this.#currency);
      if (reading.kind === "order") entries.push({ delivery, intake: reading.intake });
      else if (reading.kind === "notice") outcomes.set(delivery, { kind: "ack" });
      else if (reading.failure === undefined) outcomes.set(delivery, { kind: "reject", reason: reading.reason });
      else {
        const { type, ...about } = reading.failure;
        outcomes.set(delivery, await this.#refuse(delivery, about, type, reading.reason));
      }
    }
    for (const [delivery, outcome] of await this.#take(entries)) outcomes.set(delivery, outcome);
    return batch.map((delivery) => outcomes.get(delivery) ?? { kind: "retry", reason: "not handled" });
  }

  /** One transaction for all; when it fails for a reason that one of them may be, the halves have their own. */
  async #take(entries: readonly Entry[]): Promise<readonly (readonly [Delivery, Outcome])[]> {
    if (entries.length === 0) return [];
    try {
      const results = await this.#takeTogether(entries);
      return entries.map(({ delivery }, index) => [delivery, outcomeOf(results[index])]);
    } catch (error) {
      const transient = isUnavailable(error);
      if (!transient && entries.length > 1) {
        const middle = entries.length >> 1;
        const first = await this.#take(entries.slice(0, middle));
        return [...first, ...(await this.#take(entries.slice(middle)))];
      }
      this.#log.warn({ err: error, messages: entries.length }, "orders were not taken");
      return await Promise.all(entries.map(async (entry) => [entry.delivery, await this.#fail(entry, error)] as const));
    }
  }

  async #takeTogether(entries: readonly Entry[]): Promise<readonly IntakeResult[]> {
    const intakes = entries.map(({ intake }) => intake);
    // Own purchases have theirs.
    const count = intakes.filter(({ purchase }) => purchase === undefined).length;
    const [orders, lines] = await Promise.all([this.#orderNumbers.take(count), this.#lineNumbers.take(count)]);
    const numbers = { orders, lines };
    for (let collisions = 0; ; collisions++) {
      try {
        return await this.#database.transact(async (uow) => {
          const results = await takeOrders(uow, intakes, numbers, this.#paymentWindowMs, collisions === 0);
          for (const [index, result] of results.entries()) {
            const entry = entries[index];
            if (result.kind !== "conflict" || entry === undefined) continue;
            await record(
              uow,
              this.#database.tables.sequences,
              entry.delivery,
              aboutIntake(entry.intake),
              "CONFLICT",
              result.reason,
              false,
            );
          }
          return results;
        });
      } catch (error) {
        // One of them stands already, or another consumer took it meanwhile, or a stock is short: the next attempt sees it.
        const seen = isStoreError(error, "duplicate-key") || (collisions === 0 && isStoreError(error, "constraint"));
        if (!seen || collisions === mostCollisions) throw error;
      }
    }
  }

  async #fail({ delivery, intake }: Entry, error: unknown): Promise<Outcome> {
    const about = aboutIntake(intake);
    if (isPermanent(error)) return await this.#refuse(delivery, about, "CONSTRAINT", "the order book cannot hold it");
    const reason = isUnavailable(error) ? "the database does not answer" : "an internal error";
    if (delivery.attempt < this.#maxDeliveries) return { kind: "retry", reason };
    return await this.#refuse(delivery, about, "TRANSIENT", reason);
  }

  /** Records a failed order and gives the message up; without the row, it comes again as long as it may. */
  async #refuse(
    delivery: Delivery,
    about: RefusedFailure,
    type: "VALIDATION" | "CONSTRAINT" | "TRANSIENT",
    reason: string,
  ): Promise<Outcome> {
    try {
      await this.#database.transact((uow) =>
        record(uow, this.#database.tables.sequences, delivery, about, type, reason, type === "TRANSIENT"),
      );
      return { kind: "reject", reason };
    } catch (error) {
      this.#log.error({ err: error }, "a failed order was not recorded");
      return { kind: "retry", reason };
    }
  }
}

function record(
  uow: UnitOfWork,
  sequences: string,
  delivery: Delivery,
  about: RefusedFailure,
  failureType: "VALIDATION" | "CONSTRAINT" | "CONFLICT" | "TRANSIENT",
  error: string,
  retryable: boolean,
): Promise<unknown> {
  const { data, headers, storedAt } = delivery;
  // The bytes, not the bus id: a replayed message is the same failure.
  const messageKey = createHash("sha256").update(data).digest("hex");
  return recordFailure(
    uow,
    { ...about, messageKey, failureType, data, headers, storedAt, error, retryable },
    sequences,
  );
}

/** What can be said of a failed order; its reservation is given back when the failure is final. */
type RefusedFailure = RefusedOrder & { readonly reservationId?: string };

function aboutIntake({ externalId, buyerId, productId, purchase }: OrderIntake): RefusedFailure {
  const about = { externalOrderId: externalId, buyerId, productId };
  return purchase === undefined ? about : { ...about, reservationId: purchase.reservationId };
}

function outcomeOf(result: IntakeResult | undefined): Outcome {
  return result?.kind === "conflict" ? { kind: "reject", reason: result.reason } : { kind: "ack" };
}

/** None of the messages is the cause: the database is. */
function isUnavailable(error: unknown): boolean {
  return error instanceof ConnectError && (error.code === Code.Unavailable || error.code === Code.Aborted);
}

function isPermanent(error: unknown): boolean {
  return error instanceof StoreError && error.kind !== "statement";
}
