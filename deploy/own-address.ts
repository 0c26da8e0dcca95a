import { createSocket } from "node:dgram";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";

/**
 * The address that others in a peer's network reach this container at: the one it has on its way to that peer. A container's name
 * stands for all instances of its service, and Envoy takes no names for endpoints. Nothing is sent. Throws StartupError.
 */
export async function ownAddress({ hostname, port }: Pick<URL, "hostname" | "port">): Promise<string> {
  const socket = createSocket("udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject).once("connect", resolve);
      socket.connect(Number(port), hostname);
    });
    return socket.address().address;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StartupError(
      `this container has no way to ${hostname} (${why})`,
      "set ADVERTISE_HOST to its own address",
    );
  } finally {
    socket.close();
  }
}
