// Runs services/main.ts in a container, with the same arguments: an instance registers the address that it has beside NATS.
import { exitWithFailure } from "@ordermesh/runtime/lifecycle/run-process.ts";
import { ownAddress } from "./own-address.ts";

try {
  const { ADVERTISE_HOST, NATS_URL } = process.env;
  if (!ADVERTISE_HOST && NATS_URL) process.env.ADVERTISE_HOST = await ownAddress(new URL(NATS_URL));
  await import("../services/main.ts");
} catch (error) {
  exitWithFailure(error);
}
