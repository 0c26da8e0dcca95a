import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { integer, text } from "@ordermesh/runtime/store/column.ts";
import { describe, expect, onTestFinished, test } from "vitest";
import { databaseKinds, type TestDatabase } from "../../../test/support/databases.ts";
import { openForTest } from "../../../test/support/open-database.ts";
import { orderTasks } from "../store/migrations/0001-order-tasks.ts";

interface Outcome {
  readonly reason?: string;
  readonly taskId: string;
}

/** A replica in a process of its own, ready to create. */
async function startReplica(fresh: TestDatabase, creates: number | "until killed"): Promise<ChildProcess> {
  const argument = JSON.stringify({ url: fresh.url, directory: fresh.directory, creates });
  const child = fork(new URL("./testing/order-task-child.ts", import.meta.url), [argument], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    execArgv: [],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child, "message");
  return child;
}

describe.each(databaseKinds)("%s", (kind) => {
  test("3.3, 7.8: of 50 parallel identical creates over two replicas one succeeds, 49 name it", async () => {
    const { database, fresh } = await openForTest(kind, [orderTasks]);
    const replicas = await Promise.all([startReplica(fresh, 25), startReplica(fresh, 25)]);
    const answers = replicas.map((replica) => once(replica, "message"));
    for (const replica of replicas) replica.send("go");
    const outcomes = (await Promise.all(answers)).flatMap(([list]) => list as Outcome[]);
    const created = outcomes.filter(({ reason }) => reason === undefined);
    expect(created).toHaveLength(1);
    const refused = outcomes.filter(({ reason }) => reason === "ORDER_LIMIT_24H");
    expect(refused.map(({ taskId }) => taskId)).toEqual(Array(49).fill(created[0]?.taskId));
    const rows = await database.read.all("select task_id from order_tasks");
    expect(rows.map((row) => text(row.task_id))).toEqual([created[0]?.taskId]);
  });

  test("3.3: a killed replica leaves task, slot, history and event together or none of them", async () => {
    const { database, fresh } = await openForTest(kind, [orderTasks]);
    for (const afterMs of [30, 53]) {
      const replica = await startReplica(fresh, "until killed");
      const told: string[] = [];
      replica.on("message", (message) => told.push((message as Outcome).taskId));
      await once(replica, "message");
      await delay(afterMs);
      replica.kill("SIGKILL");
      await once(replica, "exit");
      // In one statement: the server may end the last transaction only now.
      const tables = ["order_tasks", "order_limits", "order_task_history", database.tables.outbox];
      const counts = tables.map((table, index) => `(select count(*) from ${table}) as n${index}`).join(", ");
      const [row] = await database.read.all(`select ${counts}`);
      expect(new Set(tables.map((_, index) => integer(row?.[`n${index}`]))).size).toBe(1);
      const tasks = await database.read.all("select task_id from order_tasks");
      const stored = new Set(tasks.map((row) => text(row.task_id)));
      expect(told.filter((taskId) => !stored.has(taskId))).toEqual([]);
    }
  });
});
