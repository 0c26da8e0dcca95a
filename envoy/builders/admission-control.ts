import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "../any.ts";
import { AdmissionControlSchema } from "../gen/envoy/extensions/filters/http/admission_control/v3/admission_control_pb.js";
import { milliseconds } from "./values.ts";

export interface AdmissionControlOptions {
  /** What is looked back on. @default 30,000 */
  readonly windowMs?: number;
  /** Below this share of successes, in percent, requests begin to be refused. @default 95 */
  readonly successPercent?: number;
  /** @default 5: of a handful of requests no share can be told */
  readonly minRequestsPerSecond?: number;
  /** @default 80: one in five goes on finding out whether the services have recovered */
  readonly maxRejectPercent?: number;
}

/** gRPC codes that say the service is sick; all others are answers, be it a refusal. */
const failures = new Set([/* UNKNOWN */ 2, /* DEADLINE_EXCEEDED */ 4, /* INTERNAL */ 13, /* UNAVAILABLE */ 14, 15]);

/** Refuses a growing share of requests while most of them fail anyway, so that an overloaded service can recover. */
export function admissionControl(options: AdmissionControlOptions = {}): Any {
  const { windowMs = 30_000, successPercent = 95, minRequestsPerSecond = 5, maxRejectPercent = 80 } = options;
  const grpcSuccessStatus = Array.from({ length: 17 }, (_, code) => code).filter((code) => !failures.has(code));
  return packAny(AdmissionControlSchema, {
    evaluationCriteria: {
      case: "successCriteria",
      value: {
        // Half-open: 5xx alone are the service's fault.
        httpCriteria: { httpSuccessStatus: [{ start: 100, end: 500 }] },
        grpcCriteria: { grpcSuccessStatus },
      },
    },
    samplingWindow: milliseconds(windowMs),
    // 1: refusals grow in proportion to the failures.
    aggression: { defaultValue: 1, runtimeKey: "admission_control.aggression" },
    srThreshold: { defaultValue: { value: successPercent }, runtimeKey: "admission_control.sr_threshold" },
    rpsThreshold: { defaultValue: minRequestsPerSecond, runtimeKey: "admission_control.rps_threshold" },
    maxRejectionProbability: {
      defaultValue: { value: maxRejectPercent },
      runtimeKey: "admission_control.max_rejection_probability",
    },
  });
}
