import type { IncomingHttpHeaders } from "node:http";
import { RequestProblem } from "./problem.ts";

/** Milliseconds of grpc-timeout's units (gRPC over HTTP/2, "Timeout"). */
const units: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000_001 };

/**
 * Milliseconds that a call may take: what its caller asks for (the lesser of `grpc-timeout` and `connect-timeout-ms`), else
 * `ownMs`, and never more than Envoy waits for the answer (`x-envoy-expected-rq-timeout-ms`, which is no wish of the
 * caller's). Undefined: nobody says anything. Throws RequestProblem for a value that is no timeout.
 */
export function callTimeoutMs(headers: IncomingHttpHeaders, ownMs: number | undefined): number | undefined {
  const grpc = grpcTimeout(headers["grpc-timeout"]);
  const connect = milliseconds("connect-timeout-ms", headers["connect-timeout-ms"]);
  const envoy = milliseconds("x-envoy-expected-rq-timeout-ms", headers["x-envoy-expected-rq-timeout-ms"]);
  return least(least(grpc, connect) ?? ownMs, envoy);
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

function grpcTimeout(value: string | string[] | undefined): number | undefined {
  if (value === undefined) return undefined;
  const [, digits, unit = ""] = /^([0-9]{1,8})([HMSmun])$/.exec(String(value)) ?? [];
  if (digits === undefined) throw notATimeout("grpc-timeout");
  return Number(digits) * (units[unit] ?? 0);
}

function milliseconds(name: string, value: string | string[] | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^[0-9]{1,10}$/.test(String(value))) throw notATimeout(name);
  return Number(value);
}

function notATimeout(name: string): RequestProblem {
  return new RequestProblem({ kind: "malformed", source: "header", description: `${name} is no timeout` });
}
