// Runs services/main.ts in a container, with the same arguments: an instance registers the address that it has there.
import { exitWithFailure } from "@ordermesh/runtime/lifecycle/run-process.ts";
import { ownAddress } from "./own-address.ts";

try {
  if (!process.env.ADVERTISE_HOST) process.env.ADVERTISE_HOST = ownAddress();
  await import("../services/main.ts");
} catch (error) {
  exitWithFailure(error);
}
