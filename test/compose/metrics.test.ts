import { expect, test } from "vitest";
import { metricsIn, metricsOf } from "./metrics.ts";

test("a scrape's series by name", () => {
  const scrape =
    '# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total{code="ok"} 3\nup 1\ntime_bucket{le="1"} 2\n';
  expect(metricsOf(scrape)).toEqual(new Set(["calls_total", "up", "time_bucket"]));
});

test.each([
  ["up == 0", ["up"]],
  ['sum by (rpc_method, le) (rate(a_bucket{job="order", code!~"x{1}"}[5m]))', ["a_bucket"]],
  ["sum(rate(a_total[1m])) / sum(rate(b_total[1m])) > 0.05 and c", ["a_total", "b_total", "c"]],
  ["histogram_quantile(0.99, sum by (le) (rate(a:b_bucket[$__rate_interval])))", ["a:b_bucket"]],
  ["a * on (instance) group_left (service) b offset 5m", ["a", "b"]],
  ["time() - a > 1e3", ["a"]],
])("the metrics of %s", (expression, names) => {
  expect(metricsIn(expression)).toEqual(names);
});
