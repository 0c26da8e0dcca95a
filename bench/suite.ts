import type { Bench } from "./bench.ts";
import type { Histogram } from "./load/histogram.ts";

/** One question that the benchmark answers: contenders that run in turn, the rows they fill, the marks they must reach. */
export interface Suite {
  /** As on the command line and in the name of the result file. */
  readonly name: string;
  /** What is measured, for the table. */
  readonly title: string;
  /** Rounds of each contender; `--rounds` overrides both. */
  readonly rounds: { readonly full: number; readonly quick: number };
  readonly rows: readonly Row[];
  readonly marks: readonly Mark[];
  /** What every contender of one layout shares (database servers, stored data). It ends with the layout: see `Bench.defer`. */
  prepare(bench: Bench): Promise<readonly Contender[]>;
}

/** A line of the table. */
export interface Row {
  readonly name: string;
  /** Of `value`: `orders/s`, `ms`. */
  readonly unit: string;
  /** Row of the same run that `ratio` divides by. */
  readonly baseline?: string;
  /** What `ratio` compares; by default `median`. `perCpuSecond` is operations per CPU second of the server processes. */
  readonly ratioOf?: Figure;
}

/** One thing that is measured, alone on the machine from `open` to `close`. */
export interface Contender {
  readonly name: string;
  /** Starts it with a state of its own; called once a round. What it starts through `bench` ends with the round. */
  open(bench: Bench): Promise<Session>;
}

export interface Session {
  /** Every process whose CPU time and memory count, asked before and after each sample: databases and brokers too. */
  servers(): readonly ServerProcess[];
  /** Before what is measured. */
  warmUp?(): Promise<void>;
  /** Takes one sample of each of its rows. */
  measure(take: Take): Promise<void>;
  /** Throws when what is stored is wrong: the round then counts for nothing and the suite fails. */
  verify?(): Promise<void>;
}

export interface ServerProcess {
  /** `ordermesh`, `fastify`, `mariadbd`. */
  readonly name: string;
  /** Its children count with it. */
  readonly pid: number;
  /** `service`: of our own or a baseline's code. Memory that must stay flat is that of services. */
  readonly kind: "service" | "database" | "broker";
}

/** Runs `work` and takes a sample of the row: time, CPU time and memory of the session's servers meanwhile. */
export type Take = (row: string, work: () => Promise<Work>) => Promise<Sample>;

export interface Work {
  readonly operations: number;
  /** What the row's unit counts; by default operations per second of the time that `work` took. */
  readonly value?: number;
  readonly latency?: Histogram;
  /** Further figures that marks can name. */
  readonly extra?: Readonly<Record<string, number>>;
}

/** One round of one row. */
export interface Sample {
  readonly value: number;
  readonly operations: number;
  readonly seconds: number;
  /** Microseconds of all servers an operation. */
  readonly cpuUs: number;
  /** Milliseconds. */
  readonly p50?: number;
  readonly p99?: number;
  /** Sum of all servers, highest moment. */
  readonly peakMb: number;
  /** By how much the services' highest moment of the second half lies above that of the first. */
  readonly growthMb: number;
  /** By name of the server. */
  readonly servers: Readonly<Record<string, { readonly cpuUs: number; readonly peakMb: number }>>;
  readonly extra: Readonly<Record<string, number>>;
}

export type Figure = "median" | "min" | "max" | "cpuUs" | "perCpuSecond" | "p50" | "p99" | "peakMb" | "growthMb";

/** What must hold for the suite to pass, judged in the first layout. */
export interface Mark {
  readonly row: string;
  /** One of the row's figures or of what `Work.extra` named. */
  readonly figure: Figure | (string & {});
  /** Row that the figure is divided by. */
  readonly against?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}
