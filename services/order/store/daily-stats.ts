import { Channel, OrderStatus } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { bigint, integer, timeMs } from "@ordermesh/runtime/store/column.ts";
import type { Sql, SqlValue } from "@ordermesh/runtime/store/sql.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";

const dayMs = 86_400_000;

/** An order as the day of its making counts it. */
export interface CreatedOrder {
  /** `utcDay` of the order's creation. */
  readonly day: string;
  readonly channel: number;
  readonly currency: string;
  readonly totalMinor: bigint;
}

/** A move of an order, counted on the day it happened. */
export interface CountedTransition {
  /** `utcDay` of the move. */
  readonly day: string;
  readonly channel: number;
  readonly currency: string;
  /** The new status; only paid and cancelled are counted. */
  readonly status: OrderStatus;
}

/** One day's figures in one currency. */
export interface DayStats {
  /** 0 on a day with nothing to count, else the day's own number: the days since 1970-01-01. */
  readonly number: number;
  readonly totalOrders: bigint;
  readonly seckillOrders: bigint;
  readonly paidOrders: bigint;
  readonly cancelledOrders: bigint;
  readonly totalMinor: bigint;
  /** Epoch milliseconds; undefined on a day with nothing to count. */
  readonly createdAt: number | undefined;
  readonly updatedAt: number | undefined;
}

/** `YYYY-MM-DD` of an instant, UTC. */
export function utcDay(epochMs: number): string {
  if (epochMs !== lastMs) {
    lastMs = epochMs;
    lastDay = new Date(epochMs).toISOString().slice(0, 10);
  }
  return lastDay;
}

/** Orders that are made together mostly have the same instant. */
let lastMs = Number.NaN;
let lastDay = "";

/** Counts new orders, in the transaction that makes them (docs/contracts/minishop.md 5). */
export async function countCreated(uow: UnitOfWork, rows: readonly CreatedOrder[]): Promise<void> {
  const groups = new Map<string, { first: CreatedOrder; orders: bigint; totalMinor: bigint }>();
  for (const row of rows) {
    const key = groupKey(row);
    const group = groups.get(key) ?? { first: row, orders: 0n, totalMinor: 0n };
    group.orders++;
    group.totalMinor += row.totalMinor;
    groups.set(key, group);
  }
  // In one order everywhere, so that two transactions that count the same days wait for each other and do not deadlock.
  for (const key of [...groups.keys()].sort()) {
    const group = groups.get(key);
    if (group === undefined) continue;
    await add(uow, group.first, { total_orders: group.orders, total_minor: group.totalMinor });
  }
}

/** Counts a move to paid or cancelled, in the transaction that makes it; other moves are not counted. */
export function countTransition(uow: UnitOfWork, transition: CountedTransition): Promise<void> {
  return countTransitions(uow, [transition]);
}

/** As `countTransition`, of many moves. */
export async function countTransitions(uow: UnitOfWork, rows: readonly CountedTransition[]): Promise<void> {
  const groups = new Map<string, { first: CountedTransition; paid: bigint; cancelled: bigint }>();
  for (const row of rows) {
    if (row.status !== OrderStatus.PAID && row.status !== OrderStatus.CANCELLED) continue;
    const key = groupKey(row);
    const group = groups.get(key) ?? { first: row, paid: 0n, cancelled: 0n };
    if (row.status === OrderStatus.PAID) group.paid++;
    else group.cancelled++;
    groups.set(key, group);
  }
  for (const key of [...groups.keys()].sort()) {
    const group = groups.get(key);
    if (group === undefined) continue;
    await add(uow, group.first, { paid_orders: group.paid, cancelled_orders: group.cancelled });
  }
}

/** Sorts days, channels and currencies in one order everywhere. */
function groupKey({ day, channel, currency }: Omit<CountedTransition, "status">): string {
  return `${day} ${String(channel).padStart(4, "0")} ${currency}`;
}

type Counters = Readonly<Record<string, bigint>>;

/** Update first: after a day's first order there is a row to lock, and no insert that would collide with it. */
async function add(
  sql: Sql,
  row: { readonly day: string; readonly channel: number; readonly currency: string },
  counters: Counters,
): Promise<void> {
  const { now, onDuplicateSkip } = sql.dialect;
  const key: SqlValue[] = [row.day, row.channel, row.currency];
  const names = Object.keys(counters);
  const update = `update daily_stats set ${names.map((name) => `${name} = ${name} + ?`).join(", ")}, updated_at = ${now}
    where day = ? and channel = ? and currency = ?`;
  const move = () => sql.run(update, [...Object.values(counters), ...key]);
  if ((await move()).affected > 0) return;
  const inserted = await sql.run(
    `insert into daily_stats (day, channel, currency, number, total_orders, paid_orders, cancelled_orders, total_minor,
       created_at, updated_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ${now}, ${now})${onDuplicateSkip("daily_stats", ["day", "channel", "currency"])}`,
    [
      ...key,
      numberOfDay(row.day),
      counters.total_orders ?? 0n,
      counters.paid_orders ?? 0n,
      counters.cancelled_orders ?? 0n,
      counters.total_minor ?? 0n,
    ],
  );
  // Another transaction made the row in between.
  if (inserted.affected === 0) await move();
}

/** The figures of one UTC day, over all channels unless one is named; zeros where nothing was counted. */
export async function dailyStats(
  sql: Sql,
  query: { readonly date: string; readonly channel?: number; readonly currency: string },
): Promise<DayStats> {
  const ofChannel = query.channel === undefined ? "" : " and channel = ?";
  const params: SqlValue[] = [query.date, query.currency];
  if (query.channel !== undefined) params.push(query.channel);
  const rows = await sql.all(`select * from daily_stats where day = ? and currency = ?${ofChannel}`, params);
  const sum = (column: string, of = rows): bigint => of.reduce((total, row) => total + bigint(row[column]), 0n);
  const times = (column: string): number[] => rows.map((row) => timeMs(row[column]));
  return {
    number: rows.length === 0 ? 0 : numberOfDay(query.date),
    totalOrders: sum("total_orders"),
    seckillOrders: sum(
      "total_orders",
      rows.filter((row) => integer(row.channel) === Channel.SECKILL),
    ),
    paidOrders: sum("paid_orders"),
    cancelledOrders: sum("cancelled_orders"),
    totalMinor: sum("total_minor"),
    createdAt: rows.length === 0 ? undefined : Math.min(...times("created_at")),
    updatedAt: rows.length === 0 ? undefined : Math.max(...times("updated_at")),
  };
}

/** All channels of a day share its number: legacy clients know one row a day. */
function numberOfDay(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / dayMs;
}
