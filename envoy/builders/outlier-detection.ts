import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OutlierDetectionSchema } from "../gen/envoy/config/cluster/v3/outlier_detection_pb.js";
import { milliseconds } from "./values.ts";

export interface OutlierDetectionOptions {
  /** Failures in a row that eject an endpoint: status 5xx, or its like in gRPC. @default 5 */
  readonly consecutiveFailures?: number;
  /** Time between two looks at who may come back. @default 10,000 */
  readonly intervalMs?: number;
  /** An endpoint's first ejection; each further one is longer by as much. @default 30,000 */
  readonly baseEjectionMs?: number;
  /** @default 300,000: a machine that was mended is back within five minutes */
  readonly maxEjectionMs?: number;
  /** @default 50: most services have two or three instances, and with Envoy's 10 none of three could be ejected */
  readonly maxEjectionPercent?: number;
}

/** Passive health: endpoints that fail what others manage get a pause. */
export function outlierDetection(
  options: OutlierDetectionOptions = {},
): MessageInitShape<typeof OutlierDetectionSchema> {
  const failures = options.consecutiveFailures ?? 5;
  return {
    consecutive5xx: failures,
    interval: milliseconds(options.intervalMs ?? 10_000),
    baseEjectionTime: milliseconds(options.baseEjectionMs ?? 30_000),
    maxEjectionTime: milliseconds(options.maxEjectionMs ?? 300_000),
    // Endpoints ejected together do not come back together.
    maxEjectionTimeJitter: milliseconds(1_000),
    maxEjectionPercent: options.maxEjectionPercent ?? 50,
    // Failures to connect are counted apart from failing answers: the first say more about the endpoint.
    splitExternalLocalOriginErrors: true,
    consecutiveLocalOriginFailure: failures,
    enforcingConsecutiveLocalOriginFailure: 100,
    // Statistics over many endpoints, at Envoy's values: they count from five endpoints with enough requests on.
    successRateMinimumHosts: 5,
    successRateRequestVolume: 100,
    successRateStdevFactor: 1_900,
    failurePercentageThreshold: 85,
    failurePercentageMinimumHosts: 5,
    failurePercentageRequestVolume: 50,
    // A check that passes is better news than a pause that ends.
    successfulActiveHealthCheckUnejectHost: true,
  };
}
