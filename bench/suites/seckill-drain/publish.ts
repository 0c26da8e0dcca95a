import { openBus } from "@ordermesh/runtime/events/open-bus.ts";
import { log } from "../../machine/order-store.ts";
import { orderStreams } from "../../machine/order-streams.ts";
import { messages } from "./messages.ts";

/** Stores so many messages on the bus, where they wait. */
export async function publishMessages(natsUrl: string | undefined, directory: string, count: number): Promise<void> {
  const bus = await openBus({ natsUrl, dataDir: directory, log });
  try {
    for (const stream of orderStreams) await bus.ensureStream(stream);
    await bus.publish(messages(count));
  } finally {
    await bus.close();
  }
}
