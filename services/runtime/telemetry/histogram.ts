import type { Histogram as PromHistogram, Registry } from "prom-client";

/** What is observed under one set of labels. */
export class Series {
  readonly counts: number[];
  /** Upper bounds, inclusive. */
  readonly #buckets: readonly number[];
  sum = 0;
  count = 0;

  constructor(buckets: readonly number[]) {
    this.#buckets = buckets;
    this.counts = buckets.map(() => 0);
  }

  /** Throws TypeError for what is no finite number. */
  observe(value: number): void {
    if (!Number.isFinite(value)) throw new TypeError(`${value} cannot be observed`);
    this.sum += value;
    this.count += 1;
    for (let index = 0; index < this.counts.length; index += 1) {
      if (value > (this.#buckets[index] ?? 0)) continue;
      this.counts[index] = (this.counts[index] ?? 0) + 1;
      return;
    }
  }
}

export interface HistogramSettings {
  readonly name: string;
  readonly help: string;
  readonly buckets: readonly number[];
}

type Labels = Readonly<Record<string, string>>;

/**
 * A histogram whose series are looked up once: prom-client's looks its labels up and checks them at every observation, which
 * costs more than all else that telemetry does. It is scraped as prom-client's is.
 */
export class Histogram<L extends string = string> {
  readonly type = "histogram";
  readonly aggregator = "sum";
  readonly name: string;
  readonly help: string;
  readonly #buckets: readonly number[];
  readonly #series = new Map<string, { readonly labels: Labels; readonly series: Series }>();

  constructor({ name, help, buckets }: HistogramSettings, registry: Registry) {
    this.name = name;
    this.help = help;
    this.#buckets = buckets;
    // All that a registry asks of a metric is `name` and `get`.
    registry.registerMetric(this as unknown as PromHistogram);
  }

  /** Where to observe under these labels, to be kept. */
  series(labels: Readonly<Record<L, string>>): Series {
    const key = JSON.stringify(Object.entries(labels).toSorted());
    const known = this.#series.get(key);
    if (known !== undefined) return known.series;
    const series = new Series(this.#buckets);
    this.#series.set(key, { labels, series });
    return series;
  }

  /** For prom-client. */
  async get() {
    const { name, help, type, aggregator } = this;
    const observed = [...this.#series.values()].filter(({ series }) => series.count > 0);
    const values = observed.flatMap(({ labels, series }) => this.#samples(labels, series));
    return { name, help, type, aggregator, values };
  }

  #samples(sharedLabels: Labels, { counts, sum, count }: Series) {
    const { name } = this;
    const metricName = `${name}_bucket`;
    let below = 0;
    const buckets = this.#buckets.map((le, index) => {
      below += counts[index] ?? 0;
      return { metricName, labels: { le }, sharedLabels, value: below };
    });
    return [
      ...buckets,
      { metricName, labels: { le: "+Inf" }, sharedLabels, value: count },
      { metricName: `${name}_sum`, labels: {}, sharedLabels, value: sum },
      { metricName: `${name}_count`, labels: {}, sharedLabels, value: count },
    ];
  }
}
