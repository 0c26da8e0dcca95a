import { describe, expect, test } from "vitest";
import {
  childTrace,
  formatTraceparent,
  incomingTrace,
  messageTrace,
  newTrace,
  parseTraceparent,
} from "./trace-context.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";

describe("traceparent", () => {
  test("is read and written", () => {
    const text = `00-${traceId}-${spanId}-01`;
    const trace = parseTraceparent(text);
    expect(trace).toEqual({ traceId, spanId, sampled: true });
    expect(trace && formatTraceparent(trace)).toBe(text);
  });

  test("unsampled stays unsampled", () => {
    expect(parseTraceparent(`00-${traceId}-${spanId}-02`)?.sampled).toBe(false);
  });

  test("a later version is read by what we know of it", () => {
    expect(parseTraceparent(`cc-${traceId}-${spanId}-01-more`)?.traceId).toBe(traceId);
  });

  test.each([
    "",
    "x",
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${traceId}-${spanId}-01x`,
    `cc-${traceId}-${spanId}-01more`,
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.slice(1)}-${spanId}-01`,
  ])("%s is invalid and begins a new trace", (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
    expect(incomingTrace({ traceparent: text })).toMatchObject({
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      sampled: false,
    });
    expect(incomingTrace({ traceparent: text }).parentSpanId).toBeUndefined();
  });

  test("an incoming trace is continued by a span of its own", () => {
    const trace = incomingTrace({ traceparent: `00-${traceId}-${spanId}-01` });
    expect(trace).toMatchObject({ traceId, parentSpanId: spanId, sampled: true });
    expect(trace.spanId).not.toBe(spanId);
  });
});

describe("a request without a traceparent", () => {
  const id = "0af76519-16cd-43dd-8448-eb211c80319c";

  test("begins the trace that its id names, so that a proxy's log joins ours", () => {
    expect(incomingTrace({ traceparent: undefined, requestId: id.toUpperCase() }).traceId).toBe(traceId);
  });

  test.each(["", "abc", `${id}0`, "00000000-0000-0000-0000-000000000000"])("has an id of its own beside %j", (text) => {
    const trace = incomingTrace({ traceparent: null, requestId: text });
    expect(parseTraceparent(formatTraceparent(trace))).toEqual(trace);
  });
});

test("ids are well-formed and do not repeat", () => {
  const traces = Array.from({ length: 5000 }, () => newTrace());
  for (const trace of traces) expect(parseTraceparent(formatTraceparent(trace))).toEqual(trace);
  expect(new Set(traces.map((trace) => trace.traceId)).size).toBe(traces.length);
  expect(new Set(traces.map((trace) => trace.spanId)).size).toBe(traces.length);
});

test("a child keeps the trace and names its parent", () => {
  const parent = newTrace(true);
  expect(childTrace(parent)).toMatchObject({ traceId: parent.traceId, parentSpanId: parent.spanId, sampled: true });
});

describe("messages", () => {
  test("a legacy trace_id is stored as it came", () => {
    const { trace, storedId } = messageTrace(undefined, "trace_42");
    expect(storedId).toBe("trace_42");
    expect(trace.traceId).toMatch(/^[0-9a-f]{32}$/);
  });

  test("a legacy trace_id that is a W3C id is joined", () => {
    expect(messageTrace(undefined, traceId)).toMatchObject({ trace: { traceId }, storedId: traceId });
  });

  test("the header wins, the stored text stays", () => {
    expect(messageTrace(`00-${traceId}-${spanId}-01`, "trace_42")).toMatchObject({
      trace: { traceId, parentSpanId: spanId },
      storedId: "trace_42",
    });
  });

  test("without a legacy id the W3C id is stored", () => {
    for (const legacy of [undefined, ""]) {
      expect(messageTrace(`00-${traceId}-${spanId}-00`, legacy).storedId).toBe(traceId);
    }
  });
});
