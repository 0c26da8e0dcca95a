import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { exitWithFailure } from "@ordermesh/runtime/lifecycle/run-process.ts";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { messagesOf } from "./messages.ts";
import { openTarget, type Target } from "./target.ts";

const subject = "seckill.order.create";
const usage = "usage: npm run seckill:publish -- FILE, or - for standard input";
/** What another run may find mended; anything else fails again. */
const passing: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.ResourceExhausted,
  Code.Aborted,
]);
const progressEveryMs = 1000;

/**
 * Publishes the lines of a file as seckill messages: as they are, whether they are JSON or not, without the empty ones.
 * A message's id is made of its bytes, so that an interrupted run can be repeated from its beginning: nothing is stored twice.
 */
async function main(): Promise<void> {
  const [file, ...more] = process.argv.slice(2);
  if (file === "--help") return void process.stdout.write(`${usage}\n`);
  if (file === undefined || more.length > 0) {
    throw new StartupError("one file is needed", usage, { exitCode: 2 });
  }
  const input = file === "-" ? process.stdin : await openFile(file);
  const target = await openTarget(process.env);
  try {
    await publish(input, target);
  } finally {
    await target.close();
  }
}

async function openFile(file: string) {
  try {
    if ((await stat(file)).isDirectory()) throw new StartupError(`${file} is a folder`, usage, { exitCode: 2 });
    return createReadStream(file);
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(`cannot read ${file}`, (error as NodeJS.ErrnoException).code ?? "unknown", { exitCode: 2 });
  }
}

async function publish(input: AsyncIterable<Uint8Array>, target: Target): Promise<void> {
  const startedAt = performance.now();
  let reportedAt = startedAt;
  let published = 0;
  let lastLine = 0;
  try {
    for await (const batch of messagesOf(input)) {
      await target.publish(subject, batch.messages);
      published += batch.messages.length;
      lastLine = batch.lastLine;
      if (performance.now() - reportedAt < progressEveryMs) continue;
      reportedAt = performance.now();
      report(`${published} published ...`);
    }
  } catch (error) {
    const what =
      error instanceof ConnectError ? error.rawMessage : error instanceof Error ? error.message : String(error);
    const again = error instanceof ConnectError && !passing.has(error.code) ? "mend that and run" : "run";
    throw new StartupError(
      `stopped after line ${lastLine} (${published} published to ${target.name}): ${what}`,
      `${again} the same command again; what was stored is not stored twice`,
    );
  }
  const seconds = (performance.now() - startedAt) / 1000;
  report(`${published} messages published to ${target.name} in ${seconds.toFixed(1)} s`);
}

function report(text: string): void {
  process.stderr.write(`${text}\n`);
}

main().catch(exitWithFailure);
