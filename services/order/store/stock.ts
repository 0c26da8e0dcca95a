import { integer, text } from "@ordermesh/runtime/store/column.ts";
import { inListParts } from "@ordermesh/runtime/store/in-list.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import { activityStates } from "../domain/activity.ts";
import { reservationStates } from "../domain/purchase.ts";

/** Units that change their place in one activity: positive into it, negative out of it; the sum is 0. */
export interface StockMove {
  readonly free: number;
  readonly reserved: number;
  readonly sold: number;
}

export type StockEffect = "sell" | "release";

/** `applyStockEffects` with one effect for all. */
export function moveReservations(
  uow: UnitOfWork,
  reservationIds: readonly string[],
  effect: StockEffect,
): Promise<ReadonlySet<string>> {
  return applyStockEffects(uow, new Map(reservationIds.map((id) => [id, effect])));
}

/**
 * Marks reservations as sold, or gives them back (a sold one too), each exactly once, and moves the stock of their
 * activities with them. A reservation without an activity row holds no stock and is only marked.
 * Locks reservations first and activities after them, each in the order of their ids. Returns the ids that moved.
 */
export async function applyStockEffects(
  uow: UnitOfWork,
  effects: ReadonlyMap<string, StockEffect>,
): Promise<ReadonlySet<string>> {
  const moved: Readonly<Record<StockEffect, string[]>> = { sell: [], release: [] };
  const moves = new Map<string, StockMove>();
  for (const { list, params } of inListParts([...effects.keys()].sort())) {
    const rows = await uow.all(
      `select id, activity_id, quantity, state from reservations where id in ${list} order by id${uow.dialect.forUpdate}`,
      params,
    );
    for (const row of rows) {
      const id = text(row.id);
      const state = integer(row.state);
      const quantity = integer(row.quantity);
      const effect = effects.get(id) === "sell" ? "sell" : "release";
      const move = effect === "sell" ? sale(state, quantity) : giveBack(state, quantity);
      if (move === undefined) continue;
      moved[effect].push(id);
      addMove(moves, text(row.activity_id), move);
    }
  }
  const { now } = uow.dialect;
  const changes: Readonly<Record<StockEffect, string>> = {
    sell: `state = ${reservationStates.sold}, sold_at = ${now}`,
    release: `state = ${reservationStates.released}, live = null, released_at = ${now}`,
  };
  for (const effect of ["sell", "release"] as const) {
    for (const { list, params } of inListParts(moved[effect])) {
      await uow.run(`update reservations set ${changes[effect]} where id in ${list}`, params);
    }
  }
  await moveStock(uow, moves);
  return new Set([...moved.sell, ...moved.release]);
}

/** Adds to what moves in an activity. */
export function addMove(moves: Map<string, StockMove>, activityId: string, move: StockMove): void {
  const { free, reserved, sold } = moves.get(activityId) ?? { free: 0, reserved: 0, sold: 0 };
  moves.set(activityId, { free: free + move.free, reserved: reserved + move.reserved, sold: sold + move.sold });
}

/** One update for each activity, in the order of their ids. The schema refuses what would break the equation. */
export async function moveStock(uow: UnitOfWork, moves: ReadonlyMap<string, StockMove>): Promise<void> {
  for (const [activityId, { free, reserved, sold }] of [...moves].sort(([a], [b]) => (a < b ? -1 : 1))) {
    await uow.run(
      `update activities set free = free + ?, reserved = reserved + ?, sold = sold + ?, updated_at = ${uow.dialect.now}
       where id = ?`,
      [free, reserved, sold, activityId],
    );
  }
}

/**
 * Takes free stock of one activity for reservations, and tells what is left of it. Undefined, and nothing changes, when
 * there is less, or the activity sells nothing by the database's clock.
 */
export async function takeStock(uow: UnitOfWork, activityId: string, quantity: number): Promise<number | undefined> {
  const { name, now, clock } = uow.dialect;
  // Told by the statement that locks the row: a read would hold up all who want the row for one round trip more.
  const left = name === "mysql" ? "last_insert_id(free - ?)" : "free - ?";
  const statement = `update activities set free = ${left}, reserved = reserved + ?, updated_at = ${now}
    where id = ? and free >= ? and state = ${activityStates.open}
      and (starts_at is null or starts_at <= ${clock}) and (ends_at is null or ends_at > ${clock})`;
  const params = [quantity, quantity, activityId, quantity];
  if (name === "mysql") {
    const { affected, told } = await uow.run(statement, params);
    return affected === 1 ? told : undefined;
  }
  const [row] = await uow.all(`${statement} returning free`, params);
  return row === undefined ? undefined : integer(row.free);
}

function sale(state: number, quantity: number): StockMove | undefined {
  return state === reservationStates.reserved ? { free: 0, reserved: -quantity, sold: quantity } : undefined;
}

function giveBack(state: number, quantity: number): StockMove | undefined {
  if (state === reservationStates.reserved) return { free: quantity, reserved: -quantity, sold: 0 };
  return state === reservationStates.sold ? { free: quantity, reserved: 0, sold: -quantity } : undefined;
}
