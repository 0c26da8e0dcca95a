import { afterAll, beforeAll, describe } from "vitest";
import type { EventBus } from "./bus.ts";
import { crashes } from "./contract/crashes.ts";
import { deadLetters } from "./contract/dead-letters.ts";
import { delivery } from "./contract/delivery.ts";
import { failures } from "./contract/failures.ts";
import type { Broker } from "./contract/harness.ts";
import { publishing } from "./contract/publishing.ts";

/** What every bus promises, run over one implementation. */
export function busContract(name: string, startBroker: () => Promise<Broker>): void {
  describe(name, () => {
    let broker: Broker;
    let bus: EventBus;
    beforeAll(async () => {
      broker = await startBroker();
      bus = await broker.open();
    });
    afterAll(async () => {
      await bus.close();
      await broker.stop();
    });
    const fixture = { bus: () => bus, startBroker };
    publishing(fixture);
    delivery(fixture);
    failures(fixture);
    deadLetters(fixture);
    crashes(fixture);
  });
}
