import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { Histogram } from "./histogram.ts";

export interface MetricOptions<L extends string> {
  /** Prometheus name with its unit: `_total`, `_seconds`, `_bytes`. */
  readonly name: string;
  readonly help: string;
  /** Names of labels; every label takes values from a small closed set, never ids or texts from a request. */
  readonly labels?: readonly L[];
}

export interface HistogramOptions<L extends string> extends MetricOptions<L> {
  /** Upper bounds; default: 0.5 ms to 10 s, in seconds. */
  readonly buckets?: readonly number[];
}

export interface GaugeOptions<L extends string> extends MetricOptions<L> {
  /** Called at each scrape, for a value that is cheaper to read than to keep. */
  readonly collect?: (gauge: Gauge<L>) => void | Promise<void>;
}

/** Metrics of one process. A name asked for twice is one metric. */
export interface Metrics {
  counter<L extends string = never>(options: MetricOptions<L>): Counter<L>;
  histogram<L extends string = never>(options: HistogramOptions<L>): Histogram<L>;
  gauge<L extends string = never>(options: GaugeOptions<L>): Gauge<L>;
  /** The text that Prometheus scrapes, and its content type. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

const latencyBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** With `process`, also memory, CPU, event loop and garbage collection of this process (default true). */
export function createMetrics(options: { readonly process?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (options.process ?? true) collectDefaultMetrics({ register: registry });

  function once<M>(name: string, make: () => M): M {
    return (registry.getSingleMetric(name) as M | undefined) ?? make();
  }

  return {
    counter: ({ name, help, labels = [] }) =>
      once(name, () => new Counter({ name, help, labelNames: [...labels], registers: [registry] })),
    histogram: ({ name, help, buckets = latencyBuckets }) =>
      once(name, () => new Histogram({ name, help, buckets }, registry)),
    gauge: ({ name, help, labels = [], collect }) =>
      once(
        name,
        () =>
          new Gauge({
            name,
            help,
            labelNames: [...labels],
            registers: [registry],
            collect() {
              return collect?.(this);
            },
          }),
      ),
    render: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}
