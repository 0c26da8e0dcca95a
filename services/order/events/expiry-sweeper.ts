import { OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { text } from "@ordermesh/runtime/store/column.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import { reservationStates } from "../domain/purchase.ts";
import { systemActor } from "../store/order-creation.ts";
import { moveOrders } from "../store/order-transition.ts";

/** Orders that one transaction expires. */
const batchSize = 100;

export interface ExpirySweeper {
  /** Expires all that is due now; returns how many orders. */
  run(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Moves pending orders past their time to expired and gives back what they held (docs/contracts/minishop.md 3.3), on
 * the database clock, every `everyMs` (milliseconds, default 1000). Any number of processes may do it at once.
 */
export function startExpirySweeper(options: {
  readonly database: Database;
  readonly log: Logger;
  readonly everyMs?: number;
}): ExpirySweeper {
  const { database, log, everyMs = 1000 } = options;
  let stopped = false;
  let running: Promise<number> | undefined;

  async function sweep(): Promise<number> {
    let expired = 0;
    while (!stopped) {
      const count = await expireBatch(database);
      expired += count;
      if (count === 0) break;
    }
    return expired;
  }

  const run = (): Promise<number> => {
    running ??= sweep().finally(() => {
      running = undefined;
    });
    return running;
  };
  const timer = setInterval(() => {
    run().catch((error: unknown) => log.error({ err: error }, "orders were not expired"));
  }, everyMs);
  timer.unref();

  return {
    run,
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      await running?.catch(() => undefined);
    },
  };
}

function expireBatch(database: Database): Promise<number> {
  return database.transact(async (uow) => {
    const { now, skipLocked } = uow.dialect;
    const due = await uow.all(
      `select id from orders where status = ${OrderStatus.PENDING} and expires_at <= ${now}
       order by expires_at limit ${batchSize}${skipLocked}`,
    );
    // Purchases whose message has not arrived within their time.
    const unmade = await uow.all(
      `select r.order_id as id from reservations r where r.state = ${reservationStates.reserved} and r.expires_at <= ${now}
         and not exists (select 1 from orders o where o.id = r.order_id)
       order by r.expires_at limit ${batchSize}${skipLocked}`,
    );
    const moves = [...due, ...unmade].map((row) => {
      return { orderId: text(row.id), to: OrderStatus.EXPIRED, remark: "", actor: systemActor };
    });
    // One that was paid or cancelled before it was locked stays so.
    const outcomes = await moveOrders(uow, moves);
    return outcomes.filter((outcome) => "value" in outcome && outcome.value.moved).length;
  });
}
