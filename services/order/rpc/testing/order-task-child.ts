// A second replica: opens the database, says "ready", and on a message sends so many identical creates at once; it
// reports each outcome as { taskId } or { reason, taskId }. Where
// `creates` is "until killed" it creates one task after the other and reports each.
import { ConnectError } from "@connectrpc/connect";
import { metadataOf, reasonOf } from "@ordermesh/runtime/errors/inspect.ts";
import { openDatabase } from "@ordermesh/runtime/store/open-database.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { newTask, orderTaskClient } from "./order-task-client.ts";

const { url, directory, creates } = JSON.parse(process.argv[2] ?? "") as {
  url: string | undefined;
  directory: string;
  creates: number | "until killed";
};
const log = createLogger({ service: "child", level: "silent" });
const database = await openDatabase({ service: "test", url, dataDir: directory, log });
const client = await orderTaskClient(database);

async function outcome(): Promise<unknown> {
  try {
    const { task } = await client.createOrderTask(newTask);
    return { taskId: task?.taskId };
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    return { reason: reasonOf(error), taskId: metadataOf(error).task_id };
  }
}

process.send?.("ready");
if (creates === "until killed") {
  for (let count = 0; ; count++) {
    const { task } = await client.createOrderTask({ ...newTask, userName: `user ${process.pid} ${count}` });
    process.send?.({ taskId: task?.taskId });
  }
}
process.once("message", async () => {
  process.send?.(await Promise.all(Array.from({ length: creates }, outcome)));
  await database.close();
  process.disconnect?.();
});
