import { text, timeMs } from "@ordermesh/runtime/store/column.ts";
import { insertRows } from "@ordermesh/runtime/store/insert.ts";
import type { Row } from "@ordermesh/runtime/store/sql.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";

/** What the 24 hour rule compares, normalised (contracts/ordertracker.md 3.2). */
export interface SlotKey {
  readonly userKey: string;
  readonly shopKey: string;
}

/** The slot of a user at a shop, which the task holds since `at` (epoch milliseconds, the database's clock). */
export interface Slot extends SlotKey {
  readonly taskId: string;
  readonly at: number;
}

/** Slots of one statement; SQLite bounds how deep an expression may be. */
const mostPairs = 128;

/** A text that is the same for the same user and shop only. */
export function slotText({ userKey, shopKey }: SlotKey): string {
  return `${userKey}\n${shopKey}`;
}

/**
 * Takes the slots that nobody ever had for the tasks given, and locks all of them: others that want one wait until
 * this transaction ends (3.3, option 1). Returns who holds each slot now; one is missing where retention removed it in
 * between. The keys are all different; they are locked in one order everywhere, so that two transactions that want the
 * same ones wait for each other and do not deadlock.
 */
export async function takeSlots(
  uow: UnitOfWork,
  wanted: readonly Omit<Slot, "at">[],
): Promise<ReadonlyMap<string, Slot>> {
  const { now, onDuplicateSkip } = uow.dialect;
  const sorted = [...wanted].sort((a, b) => (slotText(a) < slotText(b) ? -1 : 1));
  const inserted = await insertRows(
    uow,
    "order_limits",
    ["user_key", "shop_key", "task_id", { name: "last_at", expression: now }],
    sorted.map(({ userKey, shopKey, taskId }) => [userKey, shopKey, taskId]),
    onDuplicateSkip("order_limits", ["user_key", "shop_key"]),
  );
  if (inserted === sorted.length) return await ownSlots(uow, sorted);
  const slots = new Map<string, Slot>();
  for (let start = 0; start < sorted.length; start += mostPairs) {
    for (const row of await lockSlots(uow, sorted.slice(start, start + mostPairs))) {
      const slot = {
        userKey: text(row.user_key),
        shopKey: text(row.shop_key),
        taskId: text(row.task_id),
        at: timeMs(row.last_at),
      };
      slots.set(slotText(slot), slot);
    }
  }
  return slots;
}

/** All of them are new, and those of one statement have one time. */
async function ownSlots(uow: UnitOfWork, taken: readonly Omit<Slot, "at">[]): Promise<ReadonlyMap<string, Slot>> {
  const [first] = taken;
  if (first === undefined) return new Map();
  const statement = "select last_at from order_limits where user_key = ? and shop_key = ?";
  const [row] = await uow.all(statement, [first.userKey, first.shopKey]);
  const at = timeMs(row?.last_at);
  return new Map(taken.map((slot) => [slotText(slot), { ...slot, at }]));
}

async function lockSlots(uow: UnitOfWork, keys: readonly SlotKey[]): Promise<readonly Row[]> {
  const [first] = keys;
  if (first === undefined) return [];
  // A power of two, filled with one of them: a few prepared statements serve every number.
  const padded = [...keys];
  while (!Number.isInteger(Math.log2(padded.length))) padded.push(first);
  const pair = "(user_key = ? and shop_key = ?)";
  return await uow.all(
    `select user_key, shop_key, task_id, last_at from order_limits
     where ${`${pair} or `.repeat(padded.length - 1)}${pair} order by user_key, shop_key${uow.dialect.forUpdate}`,
    padded.flatMap(({ userKey, shopKey }) => [userKey, shopKey]),
  );
}

/** Gives slots that this transaction has locked to other tasks. */
export async function moveSlots(uow: UnitOfWork, slots: readonly Slot[]): Promise<void> {
  await insertRows(
    uow,
    "order_limits",
    ["user_key", "shop_key", "task_id", "last_at"],
    slots.map(({ userKey, shopKey, taskId, at }) => [userKey, shopKey, taskId, uow.dialect.time(at)]),
    uow.dialect.onDuplicateSet(["user_key", "shop_key"], ["task_id", "last_at"]),
  );
}
