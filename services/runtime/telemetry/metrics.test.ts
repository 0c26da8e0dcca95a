import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";

test("renders the process's own metrics", async () => {
  const { contentType, body } = await createMetrics().render();
  expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "nodejs_eventloop_lag_seconds"]) {
    expect(body).toContain(`\n${name} `);
  }
});

test("counters, histograms and gauges are rendered with their labels", async () => {
  const metrics = createMetrics({ process: false });
  metrics.counter({ name: "orders_total", help: "Orders.", labels: ["outcome"] }).inc({ outcome: "stored" }, 2);
  metrics
    .histogram({ name: "batch_seconds", help: "Batches.", buckets: [1, 2] })
    .series({})
    .observe(1.5);
  metrics.gauge({ name: "queue_length", help: "Waiting.", collect: (gauge) => gauge.set(7) });
  const { body } = await metrics.render();
  expect(body).toContain('orders_total{outcome="stored"} 2');
  expect(body).toContain('batch_seconds_bucket{le="2"} 1');
  expect(body).toContain("queue_length 7");
});

test("a name asked for twice is one metric", async () => {
  const metrics = createMetrics({ process: false });
  for (let i = 0; i < 2; i++) metrics.counter({ name: "orders_total", help: "Orders." }).inc();
  expect((await metrics.render()).body).toContain("orders_total 2");
});

test("two registries do not share", async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.counter({ name: "orders_total", help: "Orders." }).inc();
  expect((await other.render()).body).not.toContain("orders_total");
});
