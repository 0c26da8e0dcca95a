import type { Migration } from "./migration.ts";

/** Names of the tables that every service has for itself, also where several share one database. */
export interface SharedTables {
  readonly outbox: string;
  readonly inbox: string;
  readonly idempotency: string;
  readonly leases: string;
  readonly sequences: string;
}

/** Message ids and lease names are stored up to this length. */
export const longestName = 128;

export function sharedTables(service: string): SharedTables {
  return {
    outbox: `${service}_outbox`,
    inbox: `${service}_inbox`,
    idempotency: `${service}_idempotency`,
    leases: `${service}_leases`,
    sequences: `${service}_sequences`,
  };
}

/** The migrations of these tables; a service puts them before its own. */
export function sharedTableMigrations(service: string): readonly Migration[] {
  const tables = sharedTables(service);
  return [
    {
      name: "runtime-0001-unit-of-work",
      up: async ({ sql, types, createTable }) => {
        await createTable(
          tables.outbox,
          `seq ${types.autoId},
           id ${types.text(36)} not null,
           subject ${types.text(255)} not null,
           headers ${types.longText},
           data ${types.blob} not null,
           created_at ${types.time} not null`,
        );
        await createTable(
          tables.inbox,
          `consumer ${types.text(longestName)} not null,
           message_id ${types.text(longestName)} not null,
           unit ${types.bigint} not null,
           handled_at ${types.time} not null,
           primary key (consumer, message_id)`,
        );
        await sql.run(`create index ${tables.inbox}_handled_at on ${tables.inbox} (handled_at)`);
        await createTable(
          tables.idempotency,
          `id ${types.text(43)} not null primary key,
           fingerprint ${types.text(64)} not null,
           answer ${types.blob},
           created_at ${types.time} not null`,
        );
        await sql.run(`create index ${tables.idempotency}_created_at on ${tables.idempotency} (created_at)`);
        await createTable(
          tables.leases,
          `name ${types.text(longestName)} not null primary key,
           owner ${types.text(longestName)} not null,
           fencing ${types.bigint} not null,
           renewals ${types.bigint} not null,
           expires_at ${types.time} not null`,
        );
        await createTable(
          tables.sequences,
          `name ${types.text(longestName)} not null primary key,
           next_id ${types.bigint} not null check (next_id > 0)`,
        );
      },
      down: async ({ sql }) => {
        for (const table of Object.values(tables)) await sql.run(`drop table ${table}`);
      },
    },
  ];
}
