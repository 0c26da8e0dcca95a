import { type Instance, newInstanceId } from "@ordermesh/runtime/discovery/instance.ts";
import type { Registration as Entries } from "@ordermesh/runtime/discovery/registration.ts";
import type { Part } from "@ordermesh/runtime/lifecycle/lifecycle.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import type { TlsFiles } from "@ordermesh/runtime/tls/identity.ts";
import manifest from "../package.json" with { type: "json" };

/** One service that this process runs. */
export interface RegisteredService {
  readonly name: string;
  /** Full names; none for a REST gateway. */
  readonly rpcServices: readonly string[];
}

export interface RegistrationOptions {
  readonly natsUrl: string;
  readonly tls: TlsFiles | undefined;
  readonly services: readonly RegisteredService[];
  /** Where others reach this process. */
  readonly address: string;
  readonly zone: string | undefined;
  readonly log: Logger;
}

/** This process in the registry. */
export interface Registration {
  /** Connects when it starts; leaves the registry when it stops. */
  readonly part: Part;
  /** Once everything is ready. Never rejects. */
  register(port: number): Promise<void>;
}

/** The one port speaks both. */
const protocols: Instance["protocols"] = ["h2", "http/1.1"];

export function createRegistration(options: RegistrationOptions): Registration {
  const { natsUrl, tls, log, services, address, zone = "" } = options;
  let entries: Entries | undefined;
  return {
    part: {
      name: "registration",
      start: async () => {
        // Loaded where it is used: an embedded instance is to stay small.
        const { openRegistration } = await import("@ordermesh/runtime/discovery/registration.ts");
        entries = await openRegistration({ natsUrl, tls, log });
      },
      drain: () => entries?.drain(),
      stop: () => entries?.stop(),
    },
    async register(port) {
      const common = { address, port, zone, version: manifest.version, protocols, startedAt: Date.now() };
      const instances = services.map(({ name, rpcServices }) => ({
        ...common,
        service: name,
        instanceId: newInstanceId(name),
        rpcServices: [...rpcServices],
      }));
      await entries?.start(instances);
    },
  };
}
