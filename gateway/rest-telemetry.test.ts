import { LibraryService } from "@ordermesh/proto/ordermesh/testing/v1/library_pb";
import { createMetrics } from "@ordermesh/runtime/telemetry/metrics.ts";
import { expect, test } from "vitest";
import { createRestTelemetry } from "./rest-telemetry.ts";
import { createNativeSurface } from "./surfaces/native/index.ts";
import { createRouteTable } from "./transcoder/route-table.ts";

test("requests are counted by surface, route and status", async () => {
  const metrics = createMetrics({ process: false });
  const observe = createRestTelemetry(metrics);
  const { routes } = createRouteTable([createNativeSurface([LibraryService])], { alone: false });
  const exchange = { surface: "native", httpMethod: "GET", route: routes[0], status: 200, durationMs: 2 };
  observe(exchange);
  observe(exchange);
  observe({ ...exchange, status: 404 });
  observe({ ...exchange, route: undefined, status: 404 });
  observe({ ...exchange, surface: "kiosk", route: undefined, status: 404 });
  const { body } = await metrics.render();
  const counts = body.split("\n").filter((line) => line.startsWith("http_server_duration_seconds_count"));
  expect(counts.map((line) => line.replace("http_server_duration_seconds_count", ""))).toEqual([
    '{surface="native",rpc_method="ordermesh.testing.v1.LibraryService/GetBook",status="200"} 2',
    '{surface="native",rpc_method="ordermesh.testing.v1.LibraryService/GetBook",status="404"} 1',
    '{surface="native",rpc_method="none",status="404"} 1',
    '{surface="kiosk",rpc_method="none",status="404"} 1',
  ]);
});
