import type { Logger } from "../telemetry/logger.ts";
import type { TlsFiles } from "../tls/identity.ts";
import type { EventBus } from "./bus.ts";
import { openEmbeddedBus } from "./embedded-bus.ts";

export interface BusOptions {
  /** NATS_URL; undefined: the embedded bus in `dataDir`. */
  readonly natsUrl: string | undefined;
  readonly dataDir: string;
  readonly log: Logger;
  /** For a `natsUrl` with `tls://`. */
  readonly tls?: TlsFiles;
}

/** Opens the bus that the configuration asks for; throws when it cannot be reached or opened, with a line that says why. */
export async function openBus({ natsUrl, dataDir, log, tls }: BusOptions): Promise<EventBus> {
  if (natsUrl === undefined) return await openEmbeddedBus({ dataDir, log });
  // Loaded where it is used: an embedded instance is to stay small.
  const { openJetStreamBus } = await import("./jetstream-bus.ts");
  return await openJetStreamBus({ natsUrl, log, tls });
}
