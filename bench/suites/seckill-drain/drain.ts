import type { Bench } from "../../bench.ts";
import type { Component } from "../../machine/components.ts";
import { runJob } from "../../machine/job-server.ts";
import { newPlace, openStore, type Place } from "../../machine/order-store.ts";
import type { Contender, ServerProcess, Session } from "../../suite.ts";
import type { DrainOptions } from "./drain-server.ts";
import { openSale } from "./messages.ts";
import { publishMessages } from "./publish.ts";
import { verifyDrained } from "./verify.ts";

/** How consumers differ from those that the service starts. */
export interface Variation extends Pick<DrainOptions, "poolSize" | "settings"> {
  /** Processes that share the work. Default 1. */
  readonly instances?: number;
}

/** Consumers that are ready to begin. */
export interface Drain {
  readonly servers: readonly ServerProcess[];
  /** Resolves when every order stands. */
  run(): Promise<{ readonly unrelayed: number }>;
  stop(): Promise<void>;
}

/** Messages waiting, the sale open. */
export async function startDrain(
  bench: Bench,
  server: Component | undefined,
  place: Place,
  options: Omit<DrainOptions, "place" | "natsUrl">,
  instances = 1,
): Promise<Drain> {
  const database = await openStore(place);
  await openSale(database, options.orders);
  await database.close();
  const nats = server === undefined ? undefined : await bench.startNats();
  const natsUrl = nats?.url;
  await publishMessages(natsUrl, place.directory, options.orders);
  const program = import.meta.resolve("./drain-server.ts");
  const args = [JSON.stringify({ place, natsUrl, ...options } satisfies DrainOptions)];
  const starts = Array.from({ length: instances }, () => bench.startServer({ name: "ordermesh", program, args }));
  const children = await Promise.all(starts);
  return {
    servers: [...children, server, nats].filter((process) => process !== undefined),
    run: async () => {
      const [first] = await Promise.all(children.map((child) => runJob(child, "drain")));
      return first as { unrelayed: number };
    },
    stop: async () => void (await Promise.all(children.map((child) => child.stop()))),
  };
}

/** A contender that fills one row: orders made of so many waiting messages. */
export function drainContender(
  row: string,
  server: Component | undefined,
  orders: number,
  { instances, ...variation }: Variation,
): Contender {
  return {
    name: row,
    open: async (bench): Promise<Session> => {
      const place = await newPlace(bench, server);
      const drain = await startDrain(bench, server, place, { orders, relay: true, ...variation }, instances);
      return {
        servers: () => drain.servers,
        measure: async (take) => {
          await take(row, async () => ({ operations: orders, extra: await drain.run() }));
        },
        verify: async () => {
          await drain.stop();
          await verifyDrained(place, orders);
        },
      };
    },
  };
}
