import { pino } from "pino";
import { newInstanceId } from "../instance.ts";
import { openRegistration } from "../registration.ts";
import { instanceOf } from "./instance-of.ts";

/** What the process tells once it is in the registry. */
export interface Registered {
  readonly instanceId: string;
}

// Registers itself at the NATS of its first argument, tells its id, and lives until it is killed.
const [natsUrl = ""] = process.argv.slice(2);
const instanceId = newInstanceId("order");
const registration = await openRegistration({ natsUrl, log: pino({ level: "silent" }) });
await registration.start([instanceOf(instanceId)]);
process.send?.({ instanceId } satisfies Registered);
