import { fromBinary } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { SeckillOrderCreateSchema } from "@ordermesh/proto/ordermesh/events/v1/seckill_pb";
import { type CreateActivityRequest, SeckillService } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import { localAdministrator } from "@ordermesh/runtime/auth/principal.ts";
import { reasonOf } from "@ordermesh/runtime/errors/inspect.ts";
import { type CallOptions, type Client, createClient } from "@ordermesh/runtime/rpc/caller.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { bytes, timeMs } from "@ordermesh/runtime/store/column.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { expect } from "vitest";
import type { DatabaseKind } from "../../../../test/support/databases.ts";
import { openFresh, quietLog } from "../../../../test/support/open-database.ts";
import { orderMigrations } from "../../store/migrations/index.ts";
import { moveReservations } from "../../store/stock.ts";
import { type SeckillServiceOptions, seckillService } from "../seckill-service.ts";

export type Terms = Partial<Omit<CreateActivityRequest, "$typeName" | "$unknown" | "price">> & {
  readonly price?: { readonly currency: string; readonly minorUnits: bigint };
};

export const asAdmin: CallOptions = { principal: localAdministrator };

/** The reason of the refusal; fails when there is none. */
export async function refusal(call: Promise<unknown>): Promise<string | undefined> {
  const error = await call.then(
    () => expect.fail("it was not refused"),
    (error: unknown) => error,
  );
  return reasonOf(ConnectError.from(error));
}

/** A SeckillService of its own over a database, called in process. */
export async function seckillClient(
  database: Database,
  settings: SeckillServiceOptions["settings"] = {},
): Promise<Client<typeof SeckillService>> {
  const registry = await registryOf([seckillService({ database, log: quietLog, settings })], { log: quietLog });
  return createClient(SeckillService, localCaller(registry));
}

export type SeckillFixture = Awaited<ReturnType<typeof openSeckill>>;

/** SeckillService over a fresh database, called in process; the caller disposes of it. */
export async function openSeckill(kind: DatabaseKind) {
  const { database, fresh, dispose } = await openFresh(kind, orderMigrations);
  const seckill = await seckillClient(database);
  let products = 0;

  /** Ten lamps of a new product at 12.50, open at once. */
  function terms(more: Terms = {}): Terms {
    const productId = `p${++products}`;
    const price = { currency: "CNY", minorUnits: 1250n };
    return { productId, productName: "Lamp", price, totalStock: 10n, prewarm: true, ...more };
  }

  return {
    database,
    fresh,
    dispose,
    seckill,
    terms,

    async sale(more: Terms = {}) {
      const { activity } = await seckill.createActivity(terms(more), asAdmin);
      return activity ?? expect.fail("no activity");
    },

    async buy(activityId: string, buyerId: string, quantity = 1n, options: CallOptions = asAdmin) {
      const { reservation } = await seckill.purchase({ activityId, buyerId, quantity }, options);
      return reservation ?? expect.fail("no reservation");
    },

    /** Free, reserved and sold. */
    async stockOf(activityId: string): Promise<number[]> {
      const { stock } = await seckill.getActivityStats({ activityId }, asAdmin);
      return [stock?.free, stock?.reserved, stock?.sold].map(Number);
    },

    move: (ids: readonly string[], effect: "sell" | "release") =>
      database.transact((uow) => moveReservations(uow, ids, effect)),

    async databaseNow(): Promise<number> {
      const [row] = await database.read.all(`select ${database.dialect.now} as now`);
      return timeMs(row?.now);
    },

    /** The activity's events that wait in the outbox, with their rows. */
    async eventsOf(activityId: string) {
      const rows = await database.read.all(`select subject, headers, data from ${database.tables.outbox}`);
      return rows
        .map((row) => ({ row, event: fromBinary(SeckillOrderCreateSchema, bytes(row.data)) }))
        .filter(({ event }) => event.activityId === activityId);
    },
  };
}
