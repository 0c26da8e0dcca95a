import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import type { BatchHandler, ConsumerSpec, Delivery, EventBus, OutgoingMessage, StreamSpec } from "../bus.ts";
import type { ChildTask } from "./child.ts";

/** Where a bus is, for this process or a child. */
export interface BusAddress {
  readonly natsUrl: string | undefined;
  readonly dataDir: string;
}

/** One implementation under test, on a store of its own. */
export interface Broker {
  readonly address: BusAddress;
  /** A bus on this store; the embedded one must be closed before it is opened again, here or in a child. */
  open(): Promise<EventBus>;
  stop(): Promise<void>;
}

/** How the suites reach what they test: a bus for most, a broker of its own for what kills processes. */
export interface Fixture {
  readonly bus: () => EventBus;
  readonly startBroker: () => Promise<Broker>;
}

export const silent = pino({ level: "silent" });

let streams = 0;

/** Makes a stream that no other test uses; its subjects begin with the returned `at`. */
export async function newStream(bus: EventBus, spec: Partial<StreamSpec> = {}): Promise<StreamSpec & { at: string }> {
  const at = `t${process.pid}-${++streams}`;
  const stream = { name: at, subjects: [`${at}.>`], maxAgeMs: 3_600_000, dedupeWindowMs: 60_000, ...spec };
  await bus.ensureStream(stream);
  return { ...stream, at };
}

export function consumerOf(stream: StreamSpec, spec: Partial<ConsumerSpec> = {}): ConsumerSpec {
  return {
    stream: stream.name,
    durable: "worker",
    subjects: stream.subjects,
    ackWaitMs: 2000,
    maxDeliveries: 3,
    backoffMs: [20],
    batchSize: 50,
    ...spec,
  };
}

export function message(subject: string, text: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { subject, id: `${subject}/${text}`, data: Buffer.from(text), ...more };
}

export function numbered(subject: string, count: number): OutgoingMessage[] {
  return Array.from({ length: count }, (_, i) => message(subject, String(i)));
}

export function textOf({ data }: { data: Uint8Array }): string {
  return Buffer.from(data).toString();
}

export const ack = { kind: "ack" } as const;

/** Acknowledges everything and remembers it. */
export function recorder(): { seen: Delivery[]; batches: number[]; handler: BatchHandler } {
  const seen: Delivery[] = [];
  const batches: number[] = [];
  const handler: BatchHandler = async (batch) => {
    seen.push(...batch);
    batches.push(batch.length);
    return batch.map(() => ack);
  };
  return { seen, batches, handler };
}

/** Waits for a condition; throws with its text when it does not come true. */
export async function until(condition: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not true within ${ms} ms: ${condition}`);
    await sleep(10);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export interface Child {
  /** Lines it has reported. */
  readonly reports: string[];
  /** Resolves when it is gone, with the signal that ended it. */
  readonly gone: Promise<NodeJS.Signals | null>;
  kill(): Promise<void>;
}

/** Runs a task of `child.ts` in a process of its own. */
export function startChild(task: ChildTask): Child {
  const child = fork(join(import.meta.dirname, "child.ts"), [JSON.stringify(task)], { stdio: "inherit", execArgv: [] });
  const reports: string[] = [];
  child.on("message", (report) => reports.push(String(report)));
  const gone = once(child, "exit").then(([, signal]) => signal as NodeJS.Signals | null);
  const kill = async () => {
    child.kill("SIGKILL");
    await gone;
  };
  // Also when the test fails: a child that lives on keeps the whole run from ending.
  onTestFinished(kill);
  return { reports, gone, kill };
}
