import type { Metrics } from "@ordermesh/runtime/telemetry/metrics.ts";
import type { Route } from "./transcoder/route.ts";
import type { Exchange } from "./transcoder/transcoder.ts";

/** Counts and times requests by surface, route and status; labels come from the route table, so their number is bounded. */
export function createRestTelemetry(metrics: Metrics): (exchange: Exchange) => void {
  const duration = metrics.histogram({
    name: "http_server_duration_seconds",
    help: "Duration of REST requests, from their headers to the reply.",
    labels: ["surface", "rpc_method", "status"],
  });
  // By route (by surface where there is none), then by status: made once.
  const known = new Map<Route | string, Map<number, Labels>>();

  function labelsOf({ surface, route, status }: Exchange): Labels {
    const byStatus = known.get(route ?? surface) ?? new Map<number, Labels>();
    known.set(route ?? surface, byStatus);
    const labels = byStatus.get(status) ?? { surface, rpc_method: nameOf(route), status: String(status) };
    byStatus.set(status, labels);
    return labels;
  }

  return (exchange) => duration.observe(labelsOf(exchange), exchange.durationMs / 1000);
}

interface Labels {
  readonly surface: string;
  readonly rpc_method: string;
  readonly status: string;
}

function nameOf(route: Route | undefined): string {
  return route === undefined ? "none" : `${route.method.parent.typeName}/${route.method.name}`;
}
