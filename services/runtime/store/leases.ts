import { integer, text, timeMs } from "./column.ts";
import type { Database } from "./database.ts";

/** The right of one owner to do something alone, until it expires or is released. */
export interface Lease {
  readonly name: string;
  readonly owner: string;
  /** Grows with every acquisition: who writes under a lease lets the write check that no higher number exists. */
  readonly fencing: number;
  /** On the database clock (epoch milliseconds). */
  readonly expiresAt: number;
}

/**
 * Takes the lease when it is free, expired or the owner's already (a restarted owner need not wait for itself);
 * undefined when another owner has it. The database clock decides, so the owners' clocks may differ.
 */
export async function acquireLease(
  database: Database,
  name: string,
  owner: string,
  ttlMs: number,
): Promise<Lease | undefined> {
  const table = database.tables.leases;
  const { now, addMs, onDuplicateSkip } = database.dialect;
  return await database.transact(async (uow) => {
    const taken = await uow.run(
      `update ${table} set owner = ?, fencing = fencing + 1, expires_at = ${addMs(now, "?")}
       where name = ? and (owner = ? or expires_at <= ${now})`,
      [owner, ttlMs, name, owner],
    );
    if (taken.affected === 0) {
      const created = await uow.run(
        `insert into ${table} (name, owner, fencing, renewals, expires_at)
         values (?, ?, 1, 0, ${addMs(now, "?")})${onDuplicateSkip(table, ["name"])}`,
        [name, owner, ttlMs],
      );
      if (created.affected === 0) return undefined;
    }
    const [row] = await uow.all(`select owner, fencing, expires_at from ${table} where name = ?`, [name]);
    return { name, owner: text(row?.owner), fencing: integer(row?.fencing), expiresAt: timeMs(row?.expires_at) };
  });
}

/** Extends a lease that has not expired; false when it is lost. */
export async function renewLease(database: Database, lease: Lease, ttlMs: number): Promise<boolean> {
  const { now, addMs } = database.dialect;
  // `renewals` changes with every renewal: MySQL counts no row that stays as it is, and two may fall into a millisecond.
  const { affected } = await database.read.run(
    `update ${database.tables.leases} set renewals = renewals + 1, expires_at = ${addMs(now, "?")}
     where name = ? and owner = ? and fencing = ? and expires_at > ${now}`,
    [ttlMs, lease.name, lease.owner, lease.fencing],
  );
  return affected === 1;
}

/** Frees the lease at once; nothing happens when it is lost already. The row stays, so that fencing numbers grow. */
export async function releaseLease(database: Database, lease: Lease): Promise<void> {
  await database.read.run(
    `update ${database.tables.leases} set expires_at = ${database.dialect.now}, renewals = renewals + 1, owner = ''
     where name = ? and owner = ? and fencing = ?`,
    [lease.name, lease.owner, lease.fencing],
  );
}
