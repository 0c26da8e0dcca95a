import { bigint, flag, integer, text, textOrNull, timeMs, timeMsOrNull } from "@ordermesh/runtime/store/column.ts";
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

/** The slot of a user at a shop. */
export type LimitSlot =
  /** It was free and is now the new task's; `at` is the database's time of that. */
  | { readonly taken: true; readonly at: number }
  /** It is locked by this transaction, and was taken at `at` by the task. */
  | { readonly taken: false; readonly at: number; readonly taskId: string };

/**
 * Takes the slot where nobody ever had it; else locks it for the caller to judge and to `moveSlot` (3.3, option 1).
 * Others that want it wait until this transaction ends. Undefined: retention removed the row in between, try again.
 */
export async function takeSlot(
  uow: UnitOfWork,
  names: { readonly userName: string; readonly shopName: string },
  taskId: string,
): Promise<LimitSlot | undefined> {
  const { dialect } = uow;
  const key = [userKey(names.userName), shopKey(names.shopName)];
  const { affected } = await uow.run(
    `insert into order_limits (user_key, shop_key, task_id, last_at) values (?, ?, ?, ${dialect.now})` +
      dialect.onDuplicateSkip(["user_key", "shop_key"]),
    [...key, taskId],
  );
  const [row] = await uow.all(
    `select task_id, last_at from order_limits where user_key = ? and shop_key = ?${dialect.forUpdate}`,
    key,
  );
  if (row === undefined) return undefined;
  const at = timeMs(row.last_at);
  return affected > 0 ? { taken: true, at } : { taken: false, at, taskId: text(row.task_id) };
}

/** Gives a slot that this transaction has locked to a new task. */
export async function moveSlot(uow: UnitOfWork, task: OrderTaskRecord): Promise<void> {
  await uow.run("update order_limits set task_id = ?, last_at = ? where user_key = ? and shop_key = ?", [
    task.taskId,
    uow.dialect.time(task.createdAt),
    userKey(task.userName),
    shopKey(task.shopName),
  ]);
}

/** Writes a new task and the first line of its history. */
export async function insertTask(uow: UnitOfWork, task: OrderTaskRecord, actor: string): Promise<void> {
  const createdAt = uow.dialect.time(task.createdAt);
  await uow.run(
    `insert into order_tasks (task_id, number, user_name, shop_name, user_key, shop_key, product_url, price_currency,
       price_minor, product_sku, status, created_at, updated_at, version)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
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
      task.status,
      createdAt,
      createdAt,
      task.version,
    ],
  );
  await insertHistory(uow, { task, changedFields: [], automatic: false }, 0, actor);
}

/** Writes what an update made of the task that `lockTask` gave, and its history. */
export async function storeChange(
  uow: UnitOfWork,
  change: TaskChange,
  fromStatus: number,
  actor: string,
): Promise<void> {
  const { task } = change;
  await uow.run(
    `update order_tasks set status = ?, shop_order_id = ?, alipay_trade_no = ?, receiver_name = ?,
       receiver_address = ?, receiver_phone = ?, error_message = ?, updated_at = ?, completed_at = ?, version = ?
     where task_id = ?`,
    [
      task.status,
      task.shopOrderId ?? null,
      task.alipayTradeNo ?? null,
      task.receiverName ?? null,
      task.receiverAddress ?? null,
      task.receiverPhone ?? null,
      task.errorMessage ?? null,
      uow.dialect.time(task.updatedAt),
      task.completedAt === undefined ? null : uow.dialect.time(task.completedAt),
      task.version,
      task.taskId,
    ],
  );
  await insertHistory(uow, change, fromStatus, actor);
}

async function insertHistory(uow: UnitOfWork, change: TaskChange, fromStatus: number, actor: string): Promise<void> {
  const { task, changedFields, automatic } = change;
  await uow.run(
    `insert into order_task_history
       (task_id, version, from_status, to_status, changed_fields, automatic, actor, changed_at)
     values (?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      task.taskId,
      task.version,
      fromStatus,
      task.status,
      changedFields.join(","),
      automatic,
      [...actor].slice(0, 255).join(""),
      uow.dialect.time(task.updatedAt),
    ],
  );
}

export function findTask(sql: Sql, taskId: string): Promise<OrderTaskRecord | undefined> {
  return one(sql, taskId, "");
}

/** As `findTask`; nobody else changes the task until this transaction ends. */
export function lockTask(uow: UnitOfWork, taskId: string): Promise<OrderTaskRecord | undefined> {
  return one(uow, taskId, uow.dialect.forUpdate);
}

async function one(sql: Sql, taskId: string, lock: string): Promise<OrderTaskRecord | undefined> {
  // A longer text, or one that PostgreSQL cannot hold, is nobody's id.
  if (taskId.length > 36 || taskId.includes("\0")) return undefined;
  const [row] = await sql.all(`select ${columns} from order_tasks where task_id = ?${lock}`, [taskId]);
  return row === undefined ? undefined : readTask(row);
}

/** Which tasks a list has; what is undefined does not count. */
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
    conditions.push("(created_at < ? or (created_at = ? and task_id < ?))");
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
