import { type Attributes, type Span, SpanKind } from "@opentelemetry/api";
import { incomingTrace, type TraceContext, type TraceHints } from "./trace-context.ts";

export type { Attributes, Span };
export { SpanKind };

export interface TracingOptions {
  readonly service: string;
  readonly version?: string;
  /** OTLP/HTTP base URL (`OTEL_EXPORTER_OTLP_ENDPOINT`); without it nothing is recorded and ids are still made. */
  readonly endpoint?: string;
  /** Part of the traces beginning here that are recorded, 0 to 1 (default 1); others follow their caller. */
  readonly sampleRatio?: number;
}

export interface SpanOptions {
  readonly name: string;
  readonly kind: SpanKind;
  /** Never message contents: spans leave the house. */
  readonly attributes?: Attributes;
}

/** Starts the span that `trace.spanId` names. */
export type StartSpan = (trace: TraceContext, options: SpanOptions) => Span;

/** Traces of one process. */
export interface Tracing {
  /** False where no span is ever recorded: nobody needs a call's trace for one. */
  readonly records: boolean;
  /** The trace of a request that came with these; see `incomingTrace`. */
  begin(hints: TraceHints): TraceContext;
  /** Starts the span that `trace.spanId` names; undefined where nobody records it. The caller ends it. */
  span(trace: TraceContext, options: SpanOptions): Span | undefined;
  /** Sends what is left; never rejects. */
  close(): Promise<void>;
}

/** Rejects for an endpoint that is no URL. The SDK is loaded only where there is one: it would double a cold start. */
export async function createTracing(options: TracingOptions): Promise<Tracing> {
  const { endpoint, sampleRatio = 1 } = options;
  if (endpoint === undefined) {
    return {
      records: false,
      begin: (hints) => incomingTrace(hints),
      span: () => undefined,
      close: async () => {},
    };
  }
  const { createOtlpTracer } = await import("./otlp-tracer.ts");
  const tracer = createOtlpTracer({ ...options, endpoint });
  return {
    records: true,
    begin: (hints) => incomingTrace(hints, Math.random() < sampleRatio),
    span: (trace, spanOptions) => (trace.sampled ? tracer.startSpan(trace, spanOptions) : undefined),
    close: tracer.close,
  };
}
