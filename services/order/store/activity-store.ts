import { integer, text, timeMs, timeMsOrNull } from "@ordermesh/runtime/store/column.ts";
import { inListParts } from "@ordermesh/runtime/store/in-list.ts";
import type { Row, Sql, SqlValue } from "@ordermesh/runtime/store/sql.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import { type ActivityRow, type ActivityTerms, activityStates } from "../domain/activity.ts";
import type { Sales } from "../domain/purchase-decision.ts";
import type { PageKey } from "./page-token.ts";

export function readActivity(row: Row): ActivityRow {
  return {
    id: text(row.id),
    productId: text(row.product_id),
    productName: text(row.product_name),
    currency: text(row.currency),
    priceMinor: integer(row.price_minor),
    total: integer(row.total),
    free: integer(row.free),
    reserved: integer(row.reserved),
    sold: integer(row.sold),
    perUserLimit: integer(row.per_user_limit),
    startsAt: timeMsOrNull(row.starts_at),
    endsAt: timeMsOrNull(row.ends_at),
    state: integer(row.state),
    openedAt: timeMsOrNull(row.opened_at),
    closedAt: timeMsOrNull(row.closed_at),
    label: text(row.label),
    createdAt: timeMs(row.created_at),
    updatedAt: timeMs(row.updated_at),
  };
}

export function activityById(sql: Sql, id: string): Promise<ActivityRow | undefined> {
  return find(sql, "id = ?", [id]);
}

/** The sale of a product that is open, whatever its window says. */
export function openSale(sql: Sql, productId: string): Promise<ActivityRow | undefined> {
  return find(sql, "open_product = ?", [productId]);
}

/** The sale that is open for a product, else the one opened last; undefined when it never had one. */
export async function currentSale(sql: Sql, productId: string): Promise<ActivityRow | undefined> {
  return (
    (await openSale(sql, productId)) ??
    (await find(sql, "product_id = ? and opened_at is not null order by opened_at desc, id desc limit 1", [productId]))
  );
}

export interface ActivityFilter {
  readonly productId: string | undefined;
  readonly state: number | undefined;
  /** Activities older than this one; undefined: from the newest. */
  readonly after: PageKey | undefined;
  readonly limit: number;
}

/** Newest first. */
export async function listActivities(sql: Sql, filter: ActivityFilter): Promise<ActivityRow[]> {
  const conditions: string[] = [];
  const params: SqlValue[] = [];
  if (filter.productId !== undefined) {
    conditions.push("product_id = ?");
    params.push(filter.productId);
  }
  if (filter.state !== undefined) {
    conditions.push("state = ?");
    params.push(filter.state);
  }
  if (filter.after !== undefined) {
    const createdAt = sql.dialect.time(filter.after.createdAt);
    conditions.push("(created_at < ? or (created_at = ? and id < ?))");
    params.push(createdAt, createdAt, filter.after.id);
  }
  const where = conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`;
  const rows = await sql.all(`select * from activities ${where} order by created_at desc, id desc limit ?`, [
    ...params,
    filter.limit,
  ]);
  return rows.map(readActivity);
}

/** Buyers who hold a reservation. */
export async function countBuyers(sql: Sql, activityId: string): Promise<number> {
  const [row] = await sql.all("select count(*) as n from reservations where activity_id = ? and live = 1", [
    activityId,
  ]);
  return integer(row?.n);
}

/** What stands and stood in an activity beside its stock. */
export interface ActivityCounts {
  /** Buyers who hold a reservation. */
  readonly buyers: number;
  readonly reservations: number;
  readonly released: number;
  readonly orders: number;
}

export async function countActivity(sql: Sql, id: string): Promise<ActivityCounts> {
  const [row] = await sql.all(
    `select count(*) as made, count(r.live) as live, count(r.released_at) as released, count(o.id) as orders
     from reservations r left join orders o on o.id = r.order_id where r.activity_id = ?`,
    [id],
  );
  return {
    buyers: integer(row?.live),
    reservations: integer(row?.made),
    released: integer(row?.released),
    orders: integer(row?.orders),
  };
}

async function find(sql: Sql, condition: string, params: readonly SqlValue[]): Promise<ActivityRow | undefined> {
  const [row] = await sql.all(`select * from activities where ${condition}`, params);
  return row === undefined ? undefined : readActivity(row);
}

/** The activities of these ids that exist, by id; locked in the order of their ids until the commit. */
export async function lockActivities(
  uow: UnitOfWork,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ActivityRow>> {
  const locked = new Map<string, ActivityRow>();
  for (const { list, params } of inListParts([...new Set(ids)].sort())) {
    const statement = `select * from activities where id in ${list} order by id${uow.dialect.forUpdate}`;
    for (const row of await uow.all(statement, params)) locked.set(text(row.id), readActivity(row));
  }
  return locked;
}

/** The activities that purchases may mean, with the database's time; not locked. See `KnownSales`. */
export async function readSales(
  sql: Sql,
  targets: { readonly ids: readonly string[]; readonly products: readonly string[] },
): Promise<Sales> {
  const byId = new Map<string, ActivityRow>();
  const byProduct = new Map<string, ActivityRow>();
  let nowMs = 0;
  for (const [column, values] of [
    ["id", targets.ids],
    ["open_product", targets.products],
  ] as const) {
    for (const { list, params } of inListParts([...new Set(values)])) {
      const statement = `select activities.*, ${sql.dialect.now} as read_at from activities where ${column} in ${list}`;
      for (const row of await sql.all(statement, params)) {
        const activity = readActivity(row);
        nowMs = timeMs(row.read_at);
        if (column === "id") byId.set(activity.id, activity);
        else byProduct.set(activity.productId, activity);
      }
    }
  }
  return { byId, byProduct, nowMs };
}

/** Stores a draft with all its stock free. */
export async function insertActivity(uow: UnitOfWork, id: string, terms: ActivityTerms, nowMs: number): Promise<void> {
  const time = timeOrNull(uow);
  await uow.run(
    `insert into activities (id, product_id, product_name, currency, price_minor, total, free, reserved, sold,
       per_user_limit, starts_at, ends_at, state, label, created_at, updated_at)
     values (?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ${activityStates.draft}, ?, ?, ?)`,
    [
      id,
      terms.productId,
      terms.productName,
      terms.currency,
      terms.priceMinor,
      terms.total,
      terms.total,
      terms.perUserLimit,
      time(terms.startsAt),
      time(terms.endsAt),
      terms.label,
      time(nowMs),
      time(nowMs),
    ],
  );
}

/** Opens a draft; on a unique violation another sale of the product is open. */
export async function openActivity(
  uow: UnitOfWork,
  { id, productId }: Pick<ActivityRow, "id" | "productId">,
  nowMs: number,
): Promise<void> {
  const at = uow.dialect.time(nowMs);
  await uow.run(
    `update activities set state = ${activityStates.open}, open_product = ?, opened_at = ?, updated_at = ? where id = ?`,
    [productId, at, at, id],
  );
}

export async function closeActivity(uow: UnitOfWork, id: string, nowMs: number): Promise<void> {
  const at = uow.dialect.time(nowMs);
  await uow.run(
    `update activities set state = ${activityStates.closed}, open_product = null, closed_at = ?, updated_at = ?
     where id = ?`,
    [at, at, id],
  );
}

export async function setWindow(
  uow: UnitOfWork,
  id: string,
  window: Pick<ActivityTerms, "startsAt" | "endsAt">,
  nowMs: number,
): Promise<void> {
  const time = timeOrNull(uow);
  await uow.run("update activities set starts_at = ?, ends_at = ?, updated_at = ? where id = ?", [
    time(window.startsAt),
    time(window.endsAt),
    time(nowMs),
    id,
  ]);
}

function timeOrNull({ dialect }: Sql): (epochMs: number | null) => string | null {
  return (epochMs) => (epochMs === null ? null : dialect.time(epochMs));
}
