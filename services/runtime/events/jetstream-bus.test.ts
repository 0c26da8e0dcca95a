import { startNats } from "../../../test/support/nats.ts";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import { busContract } from "./bus-contract.ts";
import { type Broker, silent } from "./contract/harness.ts";
import { openJetStreamBus } from "./jetstream-bus.ts";

async function startBroker(binary?: string): Promise<Broker> {
  const nats = await startNats({ binary });
  return {
    address: { natsUrl: nats.url, dataDir: temporaryDirectory("unused") },
    open: () => openJetStreamBus({ natsUrl: nats.url, log: silent, deadlineMs: 1500 }),
    stop: () => nats.stop(),
  };
}

busContract("JetStream, newest server", () => startBroker());
busContract("JetStream, the distribution's server", () => startBroker("/usr/sbin/nats-server"));
