import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { Health } from "@ordermesh/proto/grpc/health/v1/health_pb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anonymous } from "../auth/principal.ts";
import type { CallContext, Transport } from "../rpc/call-context.ts";
import { createLogger } from "./logger.ts";
import { createMetrics } from "./metrics.ts";
import { createRpcTelemetry, telemetryInterceptor } from "./rpc-telemetry.ts";
import { createTracing } from "./tracing.ts";

const secret = "Zhang-San-7";
const method = Health.method.check;

interface OtlpSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

/** What an OTLP collector receives over HTTP. */
const received: { path: string; body: string }[] = [];
let collector: Server;
let endpoint: string;

beforeAll(async () => {
  collector = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    received.push({ path: request.url ?? "", body: Buffer.concat(chunks).toString() });
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
});

afterAll(() => {
  collector.closeAllConnections();
  collector.close();
});

/** Serves one call and gives all that was recorded of it. */
async function serve(transport: Transport, reply: () => Promise<unknown>, traceparent?: string) {
  received.length = 0;
  const lines: string[] = [];
  const tracing = await createTracing({ service: "order", endpoint });
  const metrics = createMetrics({ process: false });
  const log = createLogger({
    service: "order",
    level: "debug",
    destination: { write: (line) => void lines.push(line) },
  });
  const context = {
    method,
    transport,
    principal: anonymous,
    signal: new AbortController().signal,
    deadline: undefined,
    requestHeader: new Headers({ authorization: secret }),
    responseHeader: new Headers(),
    trace: tracing.begin({ traceparent }),
    log,
    idempotency: undefined,
  } satisfies CallContext;
  const call = telemetryInterceptor(createRpcTelemetry({ metrics, tracing, log }))(reply, method);
  await call({ service: secret }, context).catch(() => {});
  await tracing.close();
  const { body } = await metrics.render();
  const spans: OtlpSpan[] = received.flatMap(({ body }) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans);
  return {
    context,
    spans,
    metrics: body,
    line: JSON.parse(lines[0] ?? "null"),
    everything: lines.join("") + body + JSON.stringify(received),
  };
}

const attribute = (span: OtlpSpan | undefined, key: string) =>
  Object.values(span?.attributes.find((entry) => entry.key === key)?.value ?? {})[0];

describe("a good call", () => {
  test("leaves one server span with the call's own ids", async () => {
    const { spans, context } = await serve("grpc", async () => ({}));
    expect(received.map((request) => request.path)).toEqual(["/v1/traces"]);
    expect(spans).toHaveLength(1);
    expect(spans[0]).toMatchObject({ name: "grpc.health.v1.Health/Check", kind: 2 });
    expect(spans[0]).toMatchObject({ traceId: context.trace.traceId, spanId: context.trace.spanId });
    expect(spans[0]?.parentSpanId).toBeUndefined();
    expect(attribute(spans[0], "rpc.system")).toBe("grpc");
    expect(attribute(spans[0], "rpc.service")).toBe("grpc.health.v1.Health");
    expect(attribute(spans[0], "rpc.method")).toBe("Check");
    expect(attribute(spans[0], "rpc.grpc.status_code")).toBe(0);
  });

  test("continues the caller's trace", async () => {
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const { spans } = await serve("connect", async () => ({}), `00-${traceId}-b7ad6b7169203331-01`);
    expect(spans[0]).toMatchObject({ traceId, parentSpanId: "b7ad6b7169203331" });
    expect(attribute(spans[0], "rpc.system")).toBe("connect_rpc");
  });

  test("is not recorded when its caller does not record", async () => {
    const { spans } = await serve(
      "connect",
      async () => ({}),
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
    );
    expect(spans).toEqual([]);
  });

  test("counts once, with its duration", async () => {
    const { metrics } = await serve("rest", async () => ({}));
    const labels = 'rpc_system="rest",rpc_service="grpc.health.v1.Health",rpc_method="Check"';
    expect(metrics).toContain(`rpc_server_calls_total{${labels},rpc_code="ok"} 1`);
    expect(metrics).toContain(`rpc_server_duration_seconds_count{${labels}} 1`);
    expect(metrics).toContain("rpc_server_active_calls 0");
  });

  test("leaves a debug line that names its trace", async () => {
    const { line, context } = await serve("grpc", async () => ({}));
    expect(line).toMatchObject({ level: "debug", rpc: "grpc.health.v1.Health/Check", code: "ok" });
    expect(line.traceId).toBe(context.trace.traceId);
    expect(line.ms).toBeTypeOf("number");
  });
});

describe("a failed call", () => {
  const failWith = (code: Code) => async () => {
    throw new ConnectError(secret, code);
  };

  test("the caller's fault: code in span, metric and line, no error status", async () => {
    const { spans, metrics, line } = await serve("connect", failWith(Code.NotFound));
    expect(attribute(spans[0], "rpc.connect_rpc.error_code")).toBe("not_found");
    expect(spans[0]?.status.code ?? 0).toBe(0);
    expect(metrics).toContain('rpc_code="not_found"} 1');
    expect(line).toMatchObject({ level: "info", code: "not_found" });
  });

  test("our fault: the span is an error, the line a warning", async () => {
    const { spans, line } = await serve("grpc", failWith(Code.Unavailable));
    expect(attribute(spans[0], "rpc.grpc.status_code")).toBe(Code.Unavailable);
    expect(spans[0]?.status.code).toBe(2);
    expect(line).toMatchObject({ level: "warn", code: "unavailable" });
  });

  test("anything thrown raw is internal", async () => {
    const { metrics } = await serve("local", () => Promise.reject(new Error(secret)));
    expect(metrics).toContain('rpc_system="local"');
    expect(metrics).toContain('rpc_code="internal"} 1');
  });

  test("a code that nobody defined is unknown", async () => {
    const { metrics } = await serve("connect", failWith(99 as Code));
    expect(metrics).toContain('rpc_code="unknown"} 1');
  });
});

test("nothing recorded holds the request, its credentials or the error's text", async () => {
  for (const code of [Code.NotFound, Code.Internal]) {
    const { everything } = await serve("grpc", async () => {
      throw new ConnectError(secret, code);
    });
    expect(everything).toContain("grpc.health.v1.Health");
    expect(everything).not.toContain(secret);
  }
});

test("without an endpoint ids are made and nothing is recorded", async () => {
  const tracing = await createTracing({ service: "order" });
  const trace = tracing.begin({ traceparent: undefined });
  expect(trace.traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(tracing.span({ ...trace, sampled: true }, { name: "x", kind: 1 })).toBeUndefined();
});

test("sampleRatio 0 records no trace of its own", async () => {
  const tracing = await createTracing({ service: "order", endpoint, sampleRatio: 0 });
  expect(tracing.begin({ traceparent: undefined }).sampled).toBe(false);
  await tracing.close();
});

test("a collector that is away costs nothing but its spans", async () => {
  const tracing = await createTracing({ service: "order", endpoint: "http://127.0.0.1:1" });
  tracing.span(tracing.begin({ traceparent: undefined }), { name: "x", kind: 1 })?.end();
  await expect(tracing.close()).resolves.toBeUndefined();
});

test("an endpoint that is no URL is refused", async () => {
  await expect(createTracing({ service: "order", endpoint: "collector" })).rejects.toThrow();
});
