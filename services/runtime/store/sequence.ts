import { integer } from "./column.ts";
import type { Database } from "./database.ts";

export interface Allocator {
  /**
   * `count` new ids, ascending. Never given twice, also over processes and crashes; gaps are normal. Call it before
   * the transaction that uses them, never inside one: it may need a transaction of its own.
   */
  take(count: number): Promise<number[]>;
  /** Ids that turned out not to be needed are taken next. */
  giveBack(ids: readonly number[]): void;
}

/**
 * Hands out the integer ids 1, 2, 3 ... of the sequence `name`. A process takes `blockSize` of them from the database
 * at a time: a small block wastes round trips, a large one numbers at each restart.
 */
export function allocator(database: Database, name: string, blockSize: number): Allocator {
  let spare: number[] = [];
  let next = 0;
  let end = 0;
  let last: Promise<unknown> = Promise.resolve();

  async function takeNow(count: number): Promise<number[]> {
    const ids = spare.splice(0, count);
    while (ids.length < count) {
      if (next === end) {
        const size = Math.max(blockSize, count - ids.length);
        next = await takeBlock(database, name, size);
        end = next + size;
      }
      ids.push(next++);
    }
    return ids;
  }

  return {
    take: (count) => {
      const taken = last.then(() => takeNow(count));
      last = taken.catch(() => undefined);
      return taken;
    },
    giveBack: (ids) => {
      if (ids.length === 0) return;
      spare = [...spare, ...ids].sort((a, b) => a - b);
    },
  };
}

/** Returns the first id of a block of `size` that is this caller's alone. */
async function takeBlock(database: Database, name: string, size: number): Promise<number> {
  const table = database.tables.sequences;
  return await database.transact(async (uow) => {
    const moved = await uow.run(`update ${table} set next_id = next_id + ? where name = ?`, [size, name]);
    if (moved.affected === 0) {
      const insert = `insert into ${table} (name, next_id) values (?, ?)${uow.dialect.onDuplicateSkip(table, ["name"])}`;
      const created = await uow.run(insert, [name, size + 1]);
      // Another process made it in between: now it can be moved.
      if (created.affected === 0)
        await uow.run(`update ${table} set next_id = next_id + ? where name = ?`, [size, name]);
    }
    const [row] = await uow.all(`select next_id from ${table} where name = ?`, [name]);
    return integer(row?.next_id) - size;
  });
}
