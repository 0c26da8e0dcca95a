import type { Metrics } from "../telemetry/metrics.ts";
import type { Readiness } from "./readiness.ts";

/** A whole HTTP answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers the three operational paths; undefined for every other path (the query is not part of `path`). */
export type HealthEndpoints = (method: string, path: string) => Promise<HttpAnswer> | undefined;

/**
 * `/healthz`: the process lives (200 even while it is not ready: a restart would not help). `/readyz`: 200, or 503 with
 * the reasons. `/metrics`: Prometheus text.
 */
export function createHealthEndpoints(options: {
  readonly readiness: Readiness;
  readonly metrics: Metrics;
}): HealthEndpoints {
  const { readiness, metrics } = options;
  const endpoints: Readonly<Record<string, () => Promise<HttpAnswer>>> = {
    "/healthz": async () => json(200, { status: "alive" }),
    "/readyz": async () => {
      const reasons = await readiness.refresh();
      const ready = reasons.length === 0;
      return json(ready ? 200 : 503, ready ? { status: "ready" } : { status: "not ready", reasons });
    },
    "/metrics": async () => {
      const { contentType, body } = await metrics.render();
      return answer(200, contentType, body);
    },
  };

  return (method, path) => {
    const endpoint = Object.hasOwn(endpoints, path) ? endpoints[path] : undefined;
    if (endpoint === undefined) return undefined;
    if (method === "GET") return endpoint();
    if (method === "HEAD") return endpoint().then((full) => ({ ...full, body: "" }));
    const refusal = json(405, { status: "method not allowed" });
    return Promise.resolve({ ...refusal, headers: { ...refusal.headers, allow: "GET, HEAD" } });
  };
}

function json(status: number, body: object): HttpAnswer {
  return answer(status, "application/json", `${JSON.stringify(body)}\n`);
}

/** An answer about this moment must not come from a cache. */
function answer(status: number, contentType: string, body: string): HttpAnswer {
  return { status, headers: { "content-type": contentType, "cache-control": "no-store" }, body };
}
