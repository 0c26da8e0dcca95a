import { setTimeout as delay } from "node:timers/promises";
import type { Migration } from "@ordermesh/runtime/store/migration.ts";

/** One counter, and a log with a row for each increment. */
export const counterMigration: Migration = {
  name: "0001-counter",
  up: async ({ sql, types, createTable }) => {
    await createTable("counter", `id ${types.int} not null primary key,\n value ${types.bigint} not null`);
    await sql.run("insert into counter (id, value) values (1, 0)");
    await createTable("increments", `id ${types.text(40)} not null primary key`);
  },
  down: async ({ sql }) => {
    await sql.run("drop table increments");
    await sql.run("drop table counter");
  },
};

/** Takes long enough for another process to arrive in its middle. */
export const slowMigration: Migration = {
  name: "0002-slow",
  up: async ({ types, createTable }) => {
    await createTable("slow_one", `id ${types.bigint} not null primary key`);
    await delay(300);
    await createTable("slow_two", `id ${types.bigint} not null primary key`);
  },
  down: async ({ sql }) => {
    await sql.run("drop table slow_two");
    await sql.run("drop table slow_one");
  },
};

/** Ends its process between two statements, as a crash would. */
export const crashingMigration: Migration = {
  name: "0002-crashing",
  up: async ({ types, createTable }) => {
    await createTable("before_crash", `id ${types.bigint} not null primary key`);
    process.kill(process.pid, "SIGKILL");
    await delay(60_000);
  },
  down: async ({ sql }) => void (await sql.run("drop table before_crash")),
};
