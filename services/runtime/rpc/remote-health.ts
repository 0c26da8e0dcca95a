import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from "@ordermesh/proto/grpc/health/v1/health_pb";
import type { Check } from "../lifecycle/readiness.ts";
import { type Caller, createClient } from "./caller.ts";

/** Shorter than a readiness check may take, so that the reason is ours. */
const timeoutMs = 1_500;

/** A readiness check: whether the process that the caller reaches says (`grpc.health.v1`) that it serves. */
export function remoteHealth(caller: Caller): Check {
  const health = createClient(Health, caller);
  return async () => {
    try {
      const { status } = await health.check({}, { deadline: Date.now() + timeoutMs });
      return status === ServingStatus.SERVING ? undefined : "it is not ready";
    } catch {
      return "it does not answer";
    }
  };
}
