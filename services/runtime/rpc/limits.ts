/** What one server takes from its clients. Times in milliseconds. */
export interface ServerLimits {
  /** One request message; more is RESOURCE_EXHAUSTED. 4 MiB is what gRPC servers take by default. */
  readonly messageBytes: number;
  /** All headers of a request together. */
  readonly headerBytes: number;
  /** Open connections; more are closed at once. */
  readonly connections: number;
  /** Concurrent requests on one HTTP/2 connection. */
  readonly streams: number;
  /** From a connection's first byte (or its silence) to the end of a request's headers. */
  readonly headersTimeoutMs: number;
  /** From a request's start to the end of its body; streams from the client are exempt. */
  readonly requestTimeoutMs: number;
  /** A connection without a request is closed after this: longer than the 60 s after which load balancers let go first. */
  readonly idleTimeoutMs: number;
  /** How often the times above are looked at: they are met with this delay at most. */
  readonly sweepMs: number;
}

export const defaultLimits: ServerLimits = {
  messageBytes: 4 * 1024 * 1024,
  headerBytes: 16 * 1024,
  connections: 10_000,
  streams: 256,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 75_000,
  sweepMs: 1_000,
};
