import type { Series } from "@ordermesh/runtime/telemetry/histogram.ts";
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
  const known = new Map<Route | string, Map<number, Series>>();

  function seriesOf({ surface, route, status }: Exchange): Series {
    const byStatus = known.get(route ?? surface) ?? new Map<number, Series>();
    known.set(route ?? surface, byStatus);
    const series =
      byStatus.get(status) ?? duration.series({ surface, rpc_method: nameOf(route), status: String(status) });
    byStatus.set(status, series);
    return series;
  }

  return (exchange) => seriesOf(exchange).observe(exchange.durationMs / 1000);
}

function nameOf(route: Route | undefined): string {
  return route === undefined ? "none" : `${route.method.parent.typeName}/${route.method.name}`;
}
