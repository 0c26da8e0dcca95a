import type { StreamSpec } from "@ordermesh/runtime/events/bus.ts";
import { openBus } from "@ordermesh/runtime/events/open-bus.ts";
import { log } from "../../machine/order-store.ts";
import { messages } from "./messages.ts";

const hourMs = 3_600_000;

export const streams: readonly StreamSpec[] = [
  { name: "SECKILL", subjects: ["seckill.>"], maxAgeMs: hourMs, dedupeWindowMs: 60_000 },
  { name: "EVENTS", subjects: ["ordermesh.>"], maxAgeMs: hourMs, dedupeWindowMs: 60_000 },
];

/** Stores so many messages on the bus, where they wait. */
export async function publishMessages(natsUrl: string | undefined, directory: string, count: number): Promise<void> {
  const bus = await openBus({ natsUrl, dataDir: directory, log });
  try {
    for (const stream of streams) await bus.ensureStream(stream);
    await bus.publish(messages(count));
  } finally {
    await bus.close();
  }
}
