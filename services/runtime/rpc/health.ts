import { create, type DescService } from "@bufbuild/protobuf";
import {
  Health,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "@ordermesh/proto/grpc/health/v1/health_pb";
import { fail } from "../errors/fail.ts";
import type { ReadinessSource } from "../lifecycle/readiness.ts";
import type { CallContext } from "./call-context.ts";
import { bindService, type ServiceBinding } from "./service.ts";

/**
 * `grpc.health.v1`: the process ("") and its services are ready together. Check knows no other name (NOT_FOUND); Watch
 * answers SERVICE_UNKNOWN for it and stays, as the protocol wants.
 */
export function createHealth(readiness: ReadinessSource, services: readonly DescService[]): ServiceBinding {
  const names: ReadonlySet<string> = new Set(["", Health.typeName, ...services.map((service) => service.typeName)]);

  function response(name: string): HealthCheckResponse {
    const status = names.has(name) ? ServingStatus[readiness.status()] : ServingStatus.SERVICE_UNKNOWN;
    return create(HealthCheckResponseSchema, { status });
  }

  return bindService(Health, {
    async check({ service }) {
      if (!names.has(service)) throw fail("NOT_FOUND", { message: "no such service here" });
      return response(service);
    },

    async *watch({ service }, { signal }) {
      let sent: ServingStatus | undefined;
      while (!signal.aborted) {
        // Subscribed before the look, so that no change falls between the two.
        const changed = nextChange(readiness, signal);
        const next = response(service);
        if (next.status !== sent) yield next;
        sent = next.status;
        await changed;
      }
    },

    async list() {
      return { statuses: Object.fromEntries([...names].map((name) => [name, response(name)])) };
    },
  });
}

function nextChange(readiness: ReadinessSource, signal: CallContext["signal"]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      unsubscribe();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const unsubscribe = readiness.subscribe(done);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
