import { DatabaseSync } from "node:sqlite";
import { pino } from "pino";
import type { BatchHandler, ConsumerSpec, Outcome, StreamSpec } from "../bus.ts";
import { openBus } from "../open-bus.ts";
import type { BusAddress } from "./harness.ts";

/** What a child process of the contract tests does, until it is killed. */
export type ChildTask = { readonly address: BusAddress; readonly stream: StreamSpec; readonly spec: ConsumerSpec } & (
  | {
      /** Acknowledges the first batch, keeps the second in its hands. */
      readonly kind: "hold";
    }
  | {
      /** Ends itself on every message that says `kill`; reports the others. */
      readonly kind: "die";
    }
  | {
      /** Publishes numbers from the count in the file on, and consumes them into the file, each batch a transaction. */
      readonly kind: "effects";
      readonly file: string;
      readonly total: number;
    }
);

const task = JSON.parse(process.argv[2] ?? "") as ChildTask;
const bus = await openBus({ ...task.address, log: pino({ level: "silent" }) });
await bus.ensureStream(task.stream);

function report(text: string): void {
  process.send?.(text);
}

function acknowledged(batch: readonly unknown[]): Outcome[] {
  return batch.map(() => ({ kind: "ack" }));
}

function textOf({ data }: { data: Uint8Array }): string {
  return Buffer.from(data).toString();
}

/** Acknowledges ten messages or more, and keeps the batch after that. However many come at a time. */
function holder(): BatchHandler {
  let handled = 0;
  return async (batch) => {
    const keeps = handled >= 10;
    for (const delivery of batch) report(keeps ? "kept" : textOf(delivery));
    if (keeps) await new Promise(() => {});
    handled += batch.length;
    return acknowledged(batch);
  };
}

const dier: BatchHandler = async (batch) => {
  if (batch.some((delivery) => textOf(delivery) === "kill")) process.kill(process.pid, "SIGKILL");
  for (const delivery of batch) report(textOf(delivery));
  return acknowledged(batch);
};

/** Consumes into a file that is the inbox and the effect at once; the second effect of a message would be counted. */
function effects(file: string): { handler: BatchHandler; published(): number; publishedTo(count: number): void } {
  const db = new DatabaseSync(file);
  db.exec(`
    pragma journal_mode = wal; pragma synchronous = full;
    create table if not exists inbox (id text primary key);
    create table if not exists effect (number integer primary key, times integer not null);
    create table if not exists progress (published integer not null);
  `);
  const inbox = db.prepare("insert into inbox (id) values (?) on conflict do nothing");
  const effect = db.prepare(
    "insert into effect values (?, 1) on conflict (number) do update set times = effect.times + 1",
  );
  return {
    handler: async (batch) => {
      db.exec("begin immediate");
      for (const delivery of batch) if (inbox.run(delivery.id).changes === 1) effect.run(Number(textOf(delivery)));
      db.exec("commit");
      // Between commit and acknowledgement, where a kill must not count twice.
      await new Promise((resolve) => setTimeout(resolve, 2));
      return acknowledged(batch);
    },
    published: () => Number(db.prepare("select max(published) as n from progress").get()?.n ?? 0),
    publishedTo: (count) => void db.prepare("insert into progress values (?)").run(count),
  };
}

if (task.kind === "effects") {
  const { handler, published, publishedTo } = effects(task.file);
  await bus.subscribe(task.spec, handler);
  const subject = `${task.stream.name}.number`;
  for (let from = published(); from < task.total; from += 100) {
    const numbers = Array.from({ length: Math.min(100, task.total - from) }, (_, i) => String(from + i));
    await bus.publish(numbers.map((text) => ({ subject, id: `number-${text}`, data: Buffer.from(text) })));
    publishedTo(from + numbers.length);
    report("published");
  }
} else {
  await bus.subscribe(task.spec, task.kind === "hold" ? holder() : dier);
}
// Kept alive until it is killed.
setInterval(() => {}, 1000);
