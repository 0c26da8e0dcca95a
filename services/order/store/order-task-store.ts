import { bigint, flag, integer, text, textOrNull, timeMs, timeMsOrNull } from "@ordermesh/runtime/store/column.ts";
import { inListParts } from "@ordermesh/runtime/store/in-list.ts";
import { insertRows } from "@ordermesh/runtime/store/insert.ts";
import type { RetentionRule } from "@ordermesh/runtime/store/retention.ts";
import type { Row, Sql, SqlValue } from "@ordermesh/runtime/store/sql.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import type { OrderTaskRecord, TaskChange } from "../domain/order-task.ts";
import { shopKey, userKey } from "../domain/order-task-key.ts";

const columns = `task_id, number, user_name, shop_name, product_url, price_currency, price_minor, product_sku, status,
 shop_order_id, alipay_trade_no, receiver_name, receiver_address, receiver_phone, error_message,
 created_at, updated_at, completed_at, version`;

const dayMs = 86_400_000;

/** What the tables beside the tasks keep; for `startRetention`. */
export const orderTaskRetention: readonly RetentionRule[] = [
  {
    table: "order_limits",
    column: "last_at",
    keepMs: 2 * dayMs,
    reason: "the rule looks back 24 hours; the second day keeps the deletion far from rows that a create is reading",
  },
  {
    table: "order_task_history",
    column: "changed_at",
    keepMs: 400 * dayMs,
    reason: "who changed what is asked within a year's accounts and a month to close them",
  },
];

/** Columns that an update may write. */
const changing = [
  "status",
  "shop_order_id",
  "alipay_trade_no",
  "receiver_name",
  "receiver_address",
  "receiver_phone",
  "error_message",
  "updated_at",
  "completed_at",
  "version",
];
const written = [
  "task_id",
  "number",
  "user_name",
  "shop_name",
  "user_key",
  "shop_key",
  "product_url",
  "price_currency",
  "price_minor",
  "product_sku",
  "created_at",
  ...changing,
];

/** Writes new tasks. */
export async function insertTasks(uow: UnitOfWork, tasks: readonly OrderTaskRecord[]): Promise<void> {
  await insertRows(
    uow,
    "order_tasks",
    written,
    tasks.map((task) => valuesOf(uow, task)),
  );
}

/** Writes what became of tasks that this transaction has locked. */
export async function updateTasks(uow: UnitOfWork, tasks: readonly OrderTaskRecord[]): Promise<void> {
  await insertRows(
    uow,
    "order_tasks",
    written,
    tasks.map((task) => valuesOf(uow, task)),
    uow.dialect.onDuplicateSet(["task_id"], changing),
  );
}

function valuesOf({ dialect }: Sql, task: OrderTaskRecord): SqlValue[] {
  return [
    task.taskId,
    task.number,
    task.userName,
    task.shopName,
    userKey(task.userName),
    shopKey(task.shopName),
    task.productUrl,
    task.productPrice.currency,
    task.productPrice.minorUnits,
    task.productSku,
    dialect.time(task.createdAt),
    task.status,
    task.shopOrderId ?? null,
    task.alipayTradeNo ?? null,
    task.receiverName ?? null,
    task.receiverAddress ?? null,
    task.receiverPhone ?? null,
    task.errorMessage ?? null,
    dialect.time(task.updatedAt),
    task.completedAt === undefined ? null : dialect.time(task.completedAt),
    task.version,
  ];
}

/** A change of a task and who made it. */
export interface TaskHistoryEntry {
  readonly change: TaskChange;
  /** 0 is before its creation. */
  readonly fromStatus: number;
  readonly actor: string;
}

export async function insertHistory(uow: UnitOfWork, entries: readonly TaskHistoryEntry[]): Promise<void> {
  await insertRows(
    uow,
    "order_task_history",
    ["task_id", "version", "from_status", "to_status", "changed_fields", "automatic", "actor", "changed_at"],
    entries.map(({ change: { task, changedFields, automatic }, fromStatus, actor }) => [
      task.taskId,
      task.version,
      fromStatus,
      task.status,
      changedFields.join(","),
      automatic,
      [...actor].slice(0, 255).join(""),
      uow.dialect.time(task.updatedAt),
    ]),
  );
}

/** The tasks of these ids, by id. */
export function findTasks(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, OrderTaskRecord>> {
  return tasksById(sql, ids, "");
}

/** As `findTasks`; nobody else changes them until this transaction ends. Locks them in the order of their ids. */
export function lockTasks(uow: UnitOfWork, ids: readonly string[]): Promise<ReadonlyMap<string, OrderTaskRecord>> {
  return tasksById(uow, [...new Set(ids)].sort(), ` order by task_id${uow.dialect.forUpdate}`);
}

async function tasksById(
  sql: Sql,
  ids: readonly string[],
  tail: string,
): Promise<ReadonlyMap<string, OrderTaskRecord>> {
  const tasks = new Map<string, OrderTaskRecord>();
  // A longer text, or one that PostgreSQL cannot hold, is nobody's id.
  for (const { list, params } of inListParts(ids.filter((id) => id.length <= 36 && !id.includes("\0")))) {
    const rows = await sql.all(`select ${columns} from order_tasks where task_id in ${list}${tail}`, params);
    for (const row of rows) tasks.set(text(row.task_id), readTask(row));
  }
  return tasks;
}

export interface TaskFilter {
  /** By the equality rule (3.2). */
  readonly userName?: string | undefined;
  readonly shopName?: string | undefined;
  /** Exactly so spelled: the owner. */
  readonly owner?: string | undefined;
  readonly status?: number | undefined;
  /** Inclusive; epoch milliseconds. */
  readonly createdFrom?: number | undefined;
  /** Exclusive. */
  readonly createdBefore?: number | undefined;
}

/** Up to `limit` tasks, newest first, after the key where one is given. */
export async function listTasks(
  sql: Sql,
  filter: TaskFilter,
  limit: number,
  after?: { readonly createdAt: number; readonly id: string },
): Promise<OrderTaskRecord[]> {
  const { conditions, params } = conditionsOf(sql, filter);
  if (after !== undefined) {
    const at = sql.dialect.time(after.createdAt);
    // Not `created_at < ? or (...)`: PostgreSQL would read from the newest row on to find the place.
    conditions.push("created_at <= ? and (created_at < ? or task_id < ?)");
    params.push(at, at, after.id);
  }
  const rows = await sql.all(
    `select ${columns} from order_tasks${where(conditions)} order by created_at desc, task_id desc limit ${limit}`,
    params,
  );
  return rows.map(readTask);
}

/** How many tasks there are by status. */
export async function countByStatus(sql: Sql, filter: TaskFilter): Promise<ReadonlyMap<number, number>> {
  const { conditions, params } = conditionsOf(sql, filter);
  const rows = await sql.all(
    `select status, count(*) as tasks from order_tasks${where(conditions)} group by status`,
    params,
  );
  return new Map(rows.map((row) => [integer(row.status), integer(row.tasks)]));
}

function conditionsOf(sql: Sql, filter: TaskFilter): { conditions: string[]; params: SqlValue[] } {
  const conditions: string[] = [];
  const params: SqlValue[] = [];
  const add = (condition: string, value: SqlValue | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    params.push(value);
  };
  const time = (ms: number | undefined) => (ms === undefined ? undefined : sql.dialect.time(ms));
  add("user_key = ?", filter.userName === undefined ? undefined : userKey(filter.userName));
  add("shop_key = ?", filter.shopName === undefined ? undefined : shopKey(filter.shopName));
  add("user_name = ?", filter.owner);
  add("status = ?", filter.status);
  add("created_at >= ?", time(filter.createdFrom));
  add("created_at < ?", time(filter.createdBefore));
  return { conditions, params };
}

function where(conditions: readonly string[]): string {
  return conditions.length === 0 ? "" : ` where ${conditions.join(" and ")}`;
}

/** A line of a task's history. */
export interface TaskHistoryLine {
  readonly version: number;
  readonly fromStatus: number;
  readonly toStatus: number;
  readonly changedFields: string[];
  readonly automatic: boolean;
  readonly actor: string;
  readonly changedAt: number;
}

/** Every change of a task, oldest first. */
export async function listHistory(sql: Sql, taskId: string): Promise<TaskHistoryLine[]> {
  const rows = await sql.all(
    `select version, from_status, to_status, changed_fields, automatic, actor, changed_at
     from order_task_history where task_id = ? order by version`,
    [taskId],
  );
  return rows.map((row) => ({
    version: integer(row.version),
    fromStatus: integer(row.from_status),
    toStatus: integer(row.to_status),
    changedFields: text(row.changed_fields)
      .split(",")
      .filter((name) => name !== ""),
    automatic: flag(row.automatic),
    actor: text(row.actor),
    changedAt: timeMs(row.changed_at),
  }));
}

function readTask(row: Row): OrderTaskRecord {
  return {
    taskId: text(row.task_id),
    number: integer(row.number),
    userName: text(row.user_name),
    shopName: text(row.shop_name),
    productUrl: text(row.product_url),
    productPrice: { currency: text(row.price_currency), minorUnits: bigint(row.price_minor) },
    productSku: text(row.product_sku),
    status: integer(row.status),
    shopOrderId: textOrNull(row.shop_order_id) ?? undefined,
    alipayTradeNo: textOrNull(row.alipay_trade_no) ?? undefined,
    receiverName: textOrNull(row.receiver_name) ?? undefined,
    receiverAddress: textOrNull(row.receiver_address) ?? undefined,
    receiverPhone: textOrNull(row.receiver_phone) ?? undefined,
    errorMessage: textOrNull(row.error_message) ?? undefined,
    createdAt: timeMs(row.created_at),
    updatedAt: timeMs(row.updated_at),
    completedAt: timeMsOrNull(row.completed_at) ?? undefined,
    version: integer(row.version),
  };
}
