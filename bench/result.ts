import type { Mark, Sample } from "./suite.ts";

/** What a run of a suite found; the result file is this as JSON. */
export interface SuiteResult {
  readonly suite: string;
  readonly title: string;
  /** ISO 8601. */
  readonly date: string;
  readonly quick: boolean;
  readonly rounds: number;
  readonly machine: Readonly<Record<string, string>>;
  readonly rows: readonly RowResult[];
  readonly marks: readonly MarkResult[];
  /** What went wrong; a wrong stored result is here, too. */
  readonly problems: readonly string[];
  /** True when every mark holds and there is no problem. */
  readonly pass: boolean;
}

/** Medians over the rounds, but for `min`, `max` and `peakMb` (the highest). */
export interface RowResult {
  readonly name: string;
  readonly layout: string;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** CPU microseconds of all server processes an operation. */
  readonly cpuUs: number;
  /** Milliseconds. */
  readonly p50?: number;
  readonly p99?: number;
  readonly peakMb: number;
  readonly growthMb: number;
  readonly baseline?: string;
  /** Of what `ratioOf` names, to that of the baseline. */
  readonly ratio?: number;
  readonly ratioOf?: string;
  readonly extra: Readonly<Record<string, number>>;
  readonly servers: Sample["servers"];
  readonly samples: readonly Sample[];
}

export interface MarkResult extends Mark {
  /** Undefined when the row was never measured. */
  readonly reached?: number;
  readonly holds: boolean;
}
