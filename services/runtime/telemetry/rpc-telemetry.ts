import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Attributes, SpanStatusCode } from "@opentelemetry/api";
import type { CallContext, Transport } from "../rpc/call-context.ts";
import type { Histogram, Series } from "./histogram.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import { type Span, SpanKind, type Tracing } from "./tracing.ts";

export interface RpcTelemetryOptions {
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly log: Logger;
}

/** Called once, when the call is over: without an error, or with what it ended in. */
export type EndCall = (error?: unknown) => void;

/** Starts to observe a call; a streaming transport ends it when the last message has left. */
export type ObserveCall = (context: CallContext) => EndCall;

type Invoke<Request, Context, Reply> = (request: Request, context: Context) => Promise<Reply>;

/**
 * `rpc.system` of OpenTelemetry's RPC conventions as otelconnect-go uses them; REST and in-process calls, which the
 * conventions do not know, keep our own names.
 */
const systems: Readonly<Record<Transport, string>> = {
  connect: "connect_rpc",
  grpc: "grpc",
  "grpc-web": "grpc_web",
  rest: "rest",
  local: "local",
};

/** Codes that say "our fault" make the span an error and the log line a warning. */
const serverFaults: ReadonlySet<Code> = new Set([
  Code.Unknown,
  Code.DeadlineExceeded,
  Code.Unimplemented,
  Code.Internal,
  Code.Unavailable,
  Code.DataLoss,
]);

/**
 * Span, duration, count and log line of every call, after otelconnect-go: span name `package.Service/Method`,
 * `rpc.system`, `rpc.service`, `rpc.method`, and the code under the system's own attribute. Labels come from
 * descriptors and the code table, so their number is bounded. Neither spans nor lines hold message contents or error
 * texts.
 */
export function createRpcTelemetry({ metrics, tracing, log }: RpcTelemetryOptions): ObserveCall {
  const labels = ["rpc_system", "rpc_service", "rpc_method"] as const;
  const duration = metrics.histogram({
    name: "rpc_server_duration_seconds",
    help: "Duration of calls, from the first interceptor to the reply.",
    labels,
  });
  const calls = metrics.counter({
    name: "rpc_server_calls_total",
    help: "Calls by the code they ended in.",
    labels: [...labels, "rpc_code"],
  });
  let running = 0;
  metrics.gauge({
    name: "rpc_server_active_calls",
    help: "Calls being served.",
    collect: (gauge) => gauge.set(running),
  });
  const known = new Map<DescMethod, Map<Transport, Names>>();

  return (context) => {
    const startedAt = performance.now();
    const { method, transport } = context;
    const names = namesOf(known, method, transport, duration);
    const span = tracing.records ? startSpan(tracing, context, names) : undefined;
    running += 1;

    return (error) => {
      const seconds = (performance.now() - startedAt) / 1000;
      const code = error === undefined ? undefined : codeOf(error);
      running -= 1;
      names.duration.observe(seconds);
      calls.inc(callLabels(names, code));
      if (span !== undefined) endSpan(span, transport, code);
      const level = code === undefined ? "debug" : serverFaults.has(code) ? "warn" : "info";
      // Not the call's own logger: that is made when somebody asks for it, and few calls do.
      if (!log.isLevelEnabled(level)) return;
      const fields = { rpc: names.rpc, traceId: context.trace.traceId, code: callLabels(names, code).rpc_code };
      log[level]({ ...fields, ms: Math.round(seconds * 1e5) / 100 }, "call");
    };
  };
}

interface Labels {
  readonly rpc_system: string;
  readonly rpc_service: string;
  readonly rpc_method: string;
}

/** What every call of a method over one transport is called; made once. */
interface Names {
  readonly rpc: string;
  readonly labels: Labels;
  readonly duration: Series;
  readonly byCode: Map<Code | undefined, Labels & { readonly rpc_code: string }>;
}

function namesOf(
  known: Map<DescMethod, Map<Transport, Names>>,
  method: DescMethod,
  transport: Transport,
  duration: Histogram<keyof Labels>,
): Names {
  let ofMethod = known.get(method);
  if (ofMethod === undefined) {
    ofMethod = new Map();
    known.set(method, ofMethod);
  }
  let names = ofMethod.get(transport);
  if (names === undefined) {
    const service = method.parent.typeName;
    const labels = { rpc_system: systems[transport], rpc_service: service, rpc_method: method.name };
    names = { rpc: `${service}/${method.name}`, labels, duration: duration.series(labels), byCode: new Map() };
    ofMethod.set(transport, names);
  }
  return names;
}

function callLabels({ labels, byCode }: Names, code: Code | undefined): Labels & { readonly rpc_code: string } {
  let complete = byCode.get(code);
  if (complete === undefined) {
    complete = { ...labels, rpc_code: code === undefined ? "ok" : codeName(code) };
    byCode.set(code, complete);
  }
  return complete;
}

function startSpan(tracing: Tracing, { trace, transport }: CallContext, { rpc, labels }: Names): Span | undefined {
  return tracing.span(trace, {
    name: rpc,
    kind: transport === "local" ? SpanKind.INTERNAL : SpanKind.SERVER,
    attributes: {
      "rpc.system": labels.rpc_system,
      "rpc.service": labels.rpc_service,
      "rpc.method": labels.rpc_method,
    },
  });
}

/** The observer as an interceptor of unary calls. */
export function telemetryInterceptor(
  observe: ObserveCall,
): <Request, Context extends CallContext, Reply>(
  next: Invoke<Request, Context, Reply>,
  method: DescMethod,
) => Invoke<Request, Context, Reply> {
  return (next) => async (request, context) => {
    const end = observe(context);
    try {
      const reply = await next(request, context);
      end();
      return reply;
    } catch (error) {
      end(error);
      throw error;
    }
  };
}

/** gRPC counts codes, Connect names them, and only its errors have one (otelconnect-go, `statusCodeAttribute`). */
function codeAttributes(transport: Transport, code: Code | undefined): Attributes {
  if (transport === "grpc" || transport === "grpc-web") return { [`rpc.${systems[transport]}.status_code`]: code ?? 0 };
  return code === undefined ? {} : { "rpc.connect_rpc.error_code": codeName(code) };
}

function endSpan(span: Span, transport: Transport, code: Code | undefined): void {
  span.setAttributes(codeAttributes(transport, code));
  if (code !== undefined && serverFaults.has(code)) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** What the handler threw raw becomes an internal error at the edge. */
function codeOf(error: unknown): Code {
  return error instanceof ConnectError ? error.code : Code.Internal;
}

/** `Code.NotFound` as `not_found`; a code that nobody defined is `unknown`. */
function codeName(code: Code): string {
  return Code[code]?.replace(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase() ?? "unknown";
}
