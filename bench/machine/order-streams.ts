import type { StreamSpec } from "@ordermesh/runtime/events/bus.ts";

const hourMs = 3_600_000;

/** What the order service's programs publish to and consume from. */
export const orderStreams: readonly StreamSpec[] = [
  { name: "SECKILL", subjects: ["seckill.>"], maxAgeMs: hourMs, dedupeWindowMs: 60_000 },
  { name: "EVENTS", subjects: ["ordermesh.>"], maxAgeMs: hourMs, dedupeWindowMs: 60_000 },
];
