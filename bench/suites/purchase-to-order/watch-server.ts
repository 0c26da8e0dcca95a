// Looks for new orders on a database connection of its own, every few milliseconds, and notes when each is first seen.
import { setTimeout as sleep } from "node:timers/promises";
import { integer, text } from "@ordermesh/runtime/store/column.ts";
import { serveJobs } from "../../machine/job-server.ts";
import { openStore, type Place } from "../../machine/order-store.ts";
import type { Moment } from "./delays.ts";
import { Frontier } from "./frontier.ts";

const pauseMs = 3;

const place: Place = JSON.parse(process.argv[2] ?? "");
const { read } = await openStore(place, 1);
const [last] = await read.all("select coalesce(max(number), 0) as n from orders");
const before = integer(last?.n);
const frontier = new Frontier(before, performance.now());
const seen = new Map<string, number>();

async function look(above: number): Promise<void> {
  const rows = await read.all("select number, id from orders where number > ? order by number", [above]);
  // Not before it was seen: what is late is the look, never the note.
  const at = performance.timeOrigin + performance.now();
  for (const row of rows) {
    if (frontier.see(integer(row.number))) seen.set(text(row.id), at);
  }
  frontier.advance(performance.now());
}

async function watch(): Promise<void> {
  for (;;) {
    await look(frontier.from);
    await sleep(pauseMs);
  }
}

serveJobs({
  // The last look is at all of them: one that came after it was given up counts from now.
  seen: async () => {
    const rows = await read.all("select id from orders where number > ?", [before]);
    const at = performance.timeOrigin + performance.now();
    for (const row of rows) {
      const id = text(row.id);
      if (!seen.has(id)) seen.set(id, at);
    }
    return [...seen] satisfies Moment[];
  },
});
await watch();
