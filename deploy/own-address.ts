import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";

type Interfaces = NodeJS.Dict<readonly NetworkInterfaceInfo[]>;

/**
 * The address that other containers reach this one at. A container's name stands for all instances of its service, and Envoy
 * takes no names for endpoints. Throws StartupError unless there is exactly one IPv4 address: with several networks somebody
 * has to say which, with ADVERTISE_HOST.
 */
export function ownAddress(interfaces: Interfaces = networkInterfaces()): string {
  const all = Object.values(interfaces).flatMap((entries) => entries ?? []);
  const [address, ...more] = all.filter(({ family, internal }) => family === "IPv4" && !internal);
  if (address !== undefined && more.length === 0) return address.address;
  throw new StartupError(
    `this container has ${address === undefined ? "no IPv4 address" : "several IPv4 addresses"}`,
    "set ADVERTISE_HOST to the one that others reach it at",
  );
}
