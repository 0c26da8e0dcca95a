import { setTimeout as sleep } from "node:timers/promises";
import { type Context, ROOT_CONTEXT, TraceFlags, trace as traceApi } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AlwaysOnSampler, BatchSpanProcessor, type IdGenerator, TracerProvider } from "@opentelemetry/sdk-trace";
import { newTrace, type TraceContext } from "./trace-context.ts";
import type { StartSpan } from "./tracing.ts";

/** A collector that is away is retried with backoff; a process that stops does not wait for that. */
const closeTimeoutMs = 2_000;

/** Sends spans in batches to an OTLP/HTTP collector. What it cannot take is dropped: telemetry never holds up a call. */
export function createOtlpTracer(options: { service: string; version?: string; endpoint: string }): {
  readonly startSpan: StartSpan;
  close(): Promise<void>;
} {
  // The variable is a base; the signal's path is appended (OTLP exporter specification, "Endpoint URLs").
  const url = `${new URL(options.endpoint).href.replace(/\/$/, "")}/v1/traces`;
  const ids = new PresetIds();
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": options.service, "service.version": options.version ?? "" }),
    sampler: new AlwaysOnSampler(),
    idGenerator: ids,
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url }) })],
  });
  const tracer = provider.getTracer("ordermesh");
  return {
    startSpan(trace, { name, kind, attributes }) {
      ids.next = trace;
      return tracer.startSpan(name, { kind, attributes }, parentContext(trace));
    },
    close: () => Promise.race([provider.shutdown().catch(() => {}), sleep(closeTimeoutMs, undefined, { ref: false })]),
  };
}

function parentContext(trace: TraceContext): Context {
  if (trace.parentSpanId === undefined) return ROOT_CONTEXT;
  const parent = { traceId: trace.traceId, spanId: trace.parentSpanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
  return traceApi.setSpanContext(ROOT_CONTEXT, parent);
}

/** Our calls have their ids before the SDK sees them: `startSpan`, which is synchronous, takes them from here. */
class PresetIds implements IdGenerator {
  next: TraceContext = newTrace();

  generateTraceId(): string {
    return this.next.traceId;
  }

  generateSpanId(): string {
    return this.next.spanId;
  }
}
