import { Channel, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { Outcome } from "@ordermesh/runtime/store/group-commit.ts";
import { inListParts } from "@ordermesh/runtime/store/in-list.ts";
import { insertRows } from "@ordermesh/runtime/store/insert.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import { orderErrors } from "../domain/order-errors.ts";
import { orderStatusChanged } from "../domain/order-events.ts";
import { mayOrderMove, maySeckillOrderMove, stockEffect } from "../domain/order-transitions.ts";
import { countTransitions, utcDay } from "./daily-stats.ts";
import { createOrders } from "./order-creation.ts";
import { lockOrders } from "./order-lock.ts";
import type { OrderRow, OrderWithLines } from "./order-row.ts";
import type { ReservedOrder } from "./reserved-orders.ts";
import { applyStockEffects, type StockEffect } from "./stock.ts";

export interface OrderMove {
  readonly orderId: string;
  readonly to: OrderStatus;
  /** Kept in the history; of a cancelled order also as its reason. */
  readonly remark: string;
  /** A principal's id, or `system`. */
  readonly actor: string;
  readonly expectedVersion?: number | undefined;
  /** Refuses the move by a throw, going by how the order stands before it. */
  check?(order: OrderRow): void;
}

export interface MovedOrder {
  /** As it is afterwards. */
  readonly order: OrderWithLines;
  /** False when it had the status already: nothing changed. */
  readonly moved: boolean;
}

/** A move that the rules allow. */
interface Change {
  readonly move: OrderMove;
  readonly before: OrderWithLines | ReservedOrder;
  readonly after: OrderRow;
}

/** The timestamp that a status sets, and none but it (docs/contracts/minishop.md 3.3). */
const timeFields = new Map<OrderStatus, { readonly column: string; readonly field: keyof OrderRow }>([
  [OrderStatus.PAID, { column: "paid_at", field: "paidAt" }],
  [OrderStatus.CANCELLED, { column: "cancelled_at", field: "cancelledAt" }],
  [OrderStatus.COMPLETED, { column: "completed_at", field: "completedAt" }],
  [OrderStatus.REFUNDED, { column: "refunded_at", field: "refundedAt" }],
  [OrderStatus.EXPIRED, { column: "expired_at", field: "expiredAt" }],
]);

/**
 * Moves orders, each with its history, statistics, event and stock, in the caller's transaction; of one order in the
 * order given. An order that stands as a reservation only is made with its first move. Outcomes in the order of the
 * moves; a refusal is ORDER_NOT_FOUND, ORDER_VERSION_MISMATCH, ILLEGAL_TRANSITION or what `check` throws.
 */
export async function moveOrders(
  uow: UnitOfWork,
  moves: readonly OrderMove[],
): Promise<readonly Outcome<MovedOrder>[]> {
  const outcomes = new Map<OrderMove, Outcome<MovedOrder>>();
  for (const round of rounds(moves)) {
    const standing = await lockOrders(
      uow,
      round.map(({ orderId }) => orderId),
    );
    // After the locks, the wait for which may have been long.
    const now = await uow.now();
    const changes: Change[] = [];
    for (const move of round) outcomes.set(move, decide(move, standing.get(move.orderId), now, changes));
    await store(uow, changes, now);
  }
  return moves.map((move) => outcomes.get(move) ?? { error: new Error("a move was forgotten") });
}

/** The first move of each order, then the second ones, and so on: a later move finds what the earlier ones wrote. */
function rounds(moves: readonly OrderMove[]): OrderMove[][] {
  const result: OrderMove[][] = [];
  const counts = new Map<string, number>();
  for (const move of moves) {
    const earlier = counts.get(move.orderId) ?? 0;
    counts.set(move.orderId, earlier + 1);
    const round = result[earlier];
    if (round === undefined) result.push([move]);
    else round.push(move);
  }
  return result;
}

/** Judges a move; one that changes the order is added to `changes`. */
function decide(
  move: OrderMove,
  before: OrderWithLines | ReservedOrder | undefined,
  now: number,
  changes: Change[],
): Outcome<MovedOrder> {
  if (before === undefined) return { error: fail(orderErrors.ORDER_NOT_FOUND) };
  const { order, lines } = before;
  const { to, expectedVersion } = move;
  try {
    move.check?.(order);
  } catch (error) {
    return { error };
  }
  if (expectedVersion !== undefined && expectedVersion !== order.version) {
    return { error: fail(orderErrors.ORDER_VERSION_MISMATCH, { metadata: { version: String(order.version) } }) };
  }
  if (order.status === to) return { value: { order: { order, lines }, moved: false } };
  if (!mayMove(order, to)) {
    const metadata = { from: OrderStatus[order.status], to: OrderStatus[to] };
    return { error: fail(orderErrors.ILLEGAL_TRANSITION, { metadata }) };
  }
  const after = moved(order, move, now);
  changes.push({ move, before, after });
  return { value: { order: { order: after, lines }, moved: true } };
}

function moved(order: OrderRow, { to, remark }: OrderMove, now: number): OrderRow {
  const time = timeFields.get(to);
  return {
    ...order,
    ...(time === undefined ? {} : { [time.field]: now }),
    cancelReason: to === OrderStatus.CANCELLED ? remark : order.cancelReason,
    status: to,
    version: order.version + 1,
    updatedAt: now,
  };
}

function mayMove({ channel, status }: OrderRow, to: OrderStatus): boolean {
  return channel === Channel.SECKILL ? maySeckillOrderMove(status, to) : mayOrderMove(status, to);
}

/** Writes moves of different orders, all made `now`. */
async function store(uow: UnitOfWork, changes: readonly Change[], now: number): Promise<void> {
  if (changes.length === 0) return;
  const at = uow.dialect.time(now);
  await createOrders(
    uow,
    changes.flatMap(({ before }) => ("reservation" in before ? [before] : [])),
  );
  await updateRows(uow, changes, at);
  await insertRows(
    uow,
    "order_history",
    ["order_id", "version", "from_status", "to_status", "remark", "actor", "changed_at"],
    changes.map(({ move, before, after }) => [
      after.id,
      after.version,
      before.order.status,
      after.status,
      move.remark,
      move.actor.slice(0, 100),
      at,
    ]),
  );
  const effects = new Map<string, StockEffect>();
  for (const { before, after } of changes) {
    const { status: to, version, reservationId } = after;
    const from = before.order.status;
    uow.emit(orderStatusChanged(after, { from, to, version, changedAt: now }));
    const effect = stockEffect(from, to);
    if (effect !== "none" && reservationId !== "") effects.set(reservationId, effect);
  }
  await applyStockEffects(uow, effects);
  const day = utcDay(now);
  await countTransitions(
    uow,
    changes.map(({ after: { channel, currency, status } }) => ({ day, channel, currency, status })),
  );
}

/** One statement for all that get the same status, and the same reason where they are cancelled. */
async function updateRows(uow: UnitOfWork, changes: readonly Change[], at: string): Promise<void> {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const { status, cancelReason } = change.after;
    const key = status === OrderStatus.CANCELLED ? `${status} ${cancelReason}` : String(status);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [change]);
    else group.push(change);
  }
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined) continue;
    const { status, cancelReason } = first.after;
    const sets = ["status = ?", "version = version + 1", "updated_at = ?"];
    const values: (string | number)[] = [status, at];
    const time = timeFields.get(status);
    if (time !== undefined) {
      sets.push(`${time.column} = ?`);
      values.push(at);
    }
    if (status === OrderStatus.CANCELLED) {
      sets.push("cancel_reason = ?");
      values.push(cancelReason);
    }
    let affected = 0;
    for (const { list, params } of inListParts(group.map(({ after }) => after.id))) {
      const statement = `update orders set ${sets.join(", ")} where id in ${list}`;
      affected += (await uow.run(statement, [...values, ...params])).affected;
    }
    // The rows are locked, so this is a second guard and never a caller's fault.
    if (affected !== group.length) throw fail("CONFLICT");
  }
}
