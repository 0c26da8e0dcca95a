import type { HistogramJson } from "./histogram.ts";

/** What the load generator is told to do. It goes to its process as JSON. */
export interface LoadPlan {
  /** Of several servers that do the same, connections go to each in turn. */
  readonly url: string | readonly string[];
  /** Default HTTP/1.1. HTTP/2 is for gRPC: one stream at a time a connection. */
  readonly protocol?: "http1" | "http2";
  /** File of the authority that signed the server's certificate, where the URL begins with https. */
  readonly caFile?: string;
  readonly connections: number;
  /**
   * Requests a second, sent at their time whether or not the earlier ones were answered, latency counted from that time
   * (no coordinated omission; a timer sends them up to 1 ms late, which counts too). Without it every connection sends its
   * next request when the last was answered.
   */
  readonly rate?: number;
  readonly durationMs: number;
  /** Ends it earlier. */
  readonly maximumRequests?: number;
  readonly source: {
    /** URL of a module that exports `requests: CreateRequests`. */
    readonly module: string;
    /** Handed to it. */
    readonly options?: unknown;
  };
}

export type CreateRequests<Options> = (options: Options) => RequestSource;

/** Makes the requests of a run; lives in the load generator's process. */
export interface RequestSource {
  /** The same object again is the fastest: its bytes are made once. */
  next(): LoadRequest;
  /** Sees every answer. */
  answered?(request: LoadRequest, answer: Answer): void;
  /** Told to the caller of the run, as JSON: what was accepted, say. */
  summary?(): unknown;
}

export interface LoadRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** What the answer must have, or it counts as a failure; a status of 200 by default. Empty allows every status. */
  readonly statuses?: readonly number[];
  readonly contains?: string;
}

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** What the process prints at its end. */
export interface LoadReport {
  readonly operations: number;
  readonly seconds: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly failures: number;
  readonly firstFailure?: string;
  readonly latency: HistogramJson;
  /** Share of one core that the generator itself used: near 1, it and not the server was measured. */
  readonly busy: number;
  readonly summary?: unknown;
}
