/** Values below this have a bucket each; above, every power of two is split into half as many. */
const exact = 256;
const half = exact / 2;
/** Reaches to 2^37 us, about 38 hours. */
const buckets = 4096;

/**
 * Counts of durations in microseconds, in buckets no wider than 1/128 of their value: percentiles are off by less than
 * 1 %, whatever the range, and recording costs an addition (the idea of HdrHistogram).
 */
export class Histogram {
  readonly #counts = new Float64Array(buckets);
  #total = 0;
  #max = 0;

  get total(): number {
    return this.#total;
  }

  /** Microseconds. */
  get max(): number {
    return this.#max;
  }

  record(us: number): void {
    const value = us < 0 ? 0 : Math.round(us);
    const index = indexOf(value);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#total++;
    if (value > this.#max) this.#max = value;
  }

  /** The value (microseconds) that the share `quantile` (0 to 1) of all is not above; 0 when nothing was recorded. */
  percentile(quantile: number): number {
    const rank = Math.max(1, Math.ceil(quantile * this.#total));
    let seen = 0;
    const index = this.#counts.findIndex((count) => {
      seen += count;
      return seen >= rank;
    });
    return index < 0 ? 0 : Math.min(highestOf(index), this.#max);
  }

  merge(other: Histogram): this {
    other.#counts.forEach((count, index) => {
      this.#counts[index] = (this.#counts[index] ?? 0) + count;
    });
    this.#total += other.#total;
    this.#max = Math.max(this.#max, other.#max);
    return this;
  }

  toJSON(): HistogramJson {
    const counts = [...this.#counts.entries()].filter(([, count]) => count > 0);
    return { max: this.#max, counts };
  }

  static fromJSON({ max, counts }: HistogramJson): Histogram {
    const histogram = new Histogram();
    for (const [index, count] of counts) {
      histogram.#counts[index] = count;
      histogram.#total += count;
    }
    histogram.#max = max;
    return histogram;
  }
}

/** Only buckets that hold something. */
export interface HistogramJson {
  readonly max: number;
  readonly counts: readonly (readonly [index: number, count: number])[];
}

function indexOf(value: number): number {
  if (value < exact) return value;
  // How many low bits a bucket of this size leaves out.
  const shift = Math.floor(Math.log2(value)) - 7;
  return Math.min(buckets - 1, exact + (shift - 1) * half + Math.floor(value / 2 ** shift) - half);
}

function highestOf(index: number): number {
  if (index < exact) return index;
  const shift = Math.floor((index - exact) / half) + 1;
  const top = ((index - exact) % half) + half;
  return (top + 1) * 2 ** shift - 1;
}
