/** W3C trace context of one call; `traceparent` is how it travels. */
export interface TraceContext {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits: this hop's span. */
  readonly spanId: string;
  readonly sampled: boolean;
}
