import { randomFillSync } from "node:crypto";

/** W3C trace context of one call; `traceparent` is how it travels. */
export interface TraceContext {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits: this hop's span. */
  readonly spanId: string;
  /** The span that caused this one; undefined at the root. */
  readonly parentSpanId?: string;
  /** Somebody records this trace. */
  readonly sampled: boolean;
}

/** `00-<trace id>-<span id>-<flags>`; a later version may append fields (W3C Trace Context, section 3.2). */
const traceparentFormat = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const uuidFormat = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const noTrace = "0".repeat(32);
const noSpan = "0".repeat(16);

/** Undefined for anything that the standard calls invalid. */
export function parseTraceparent(text: string | null | undefined): TraceContext | undefined {
  const [, version, traceId, spanId, flags, tail] = traceparentFormat.exec(text ?? "") ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === "ff" || (version === "00" && tail !== undefined)) return undefined;
  if (traceId === noTrace || spanId === noSpan) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent(trace: TraceContext): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? "01" : "00"}`;
}

/** A trace that begins here. */
export function newTrace(sampled = false): TraceContext {
  // Both at once: every call into Buffer costs more than the digits.
  const digits = randomHex(24);
  return { traceId: digits.slice(0, 32), spanId: digits.slice(32), sampled };
}

/** A step of `parent`: same trace, a span of its own. */
export function childTrace(parent: TraceContext): TraceContext {
  return { traceId: parent.traceId, spanId: randomHex(8), parentSpanId: parent.spanId, sampled: parent.sampled };
}

/** What a request says of the trace that it belongs to. */
export interface TraceHints {
  readonly traceparent: string | null | undefined;
  /** `x-request-id`. Proxies give each request one, a UUID, and log it also where nobody traces. */
  readonly requestId?: string | null | undefined;
}

/**
 * The trace of a request: what its `traceparent` continues; else a new one, whose id is that of the request where this is
 * a UUID, so that a proxy's log and ours can be joined.
 */
export function incomingTrace({ traceparent, requestId }: TraceHints, sampleNew = false): TraceContext {
  const parent = parseTraceparent(traceparent);
  if (parent !== undefined) return childTrace(parent);
  const digits = uuidFormat.test(requestId ?? "") ? requestId?.replaceAll("-", "").toLowerCase() : undefined;
  if (digits === undefined || digits === noTrace) return newTrace(sampleNew);
  return { traceId: digits, spanId: randomHex(8), sampled: sampleNew };
}

/**
 * The trace of a consumed message, and the id that its order keeps. Legacy publishers send a free text `trace_id`
 * (minishop.md 2.2) that clients read back: it is kept as it came, and joined where it is a W3C id.
 */
export function messageTrace(
  traceparent: string | undefined,
  legacyTraceId: string | undefined,
): { readonly trace: TraceContext; readonly storedId: string } {
  const joined = /^[0-9a-f]{32}$/.test(legacyTraceId ?? "") && legacyTraceId !== noTrace ? legacyTraceId : undefined;
  const trace =
    traceparent === undefined && joined !== undefined
      ? { traceId: joined, spanId: randomHex(8), sampled: false }
      : incomingTrace({ traceparent });
  return { trace, storedId: legacyTraceId || trace.traceId };
}

const pool = Buffer.alloc(16_384);
let used = pool.length;

/** Random bytes are drawn by pages: a system call for each id costs more than the id. */
function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const start = used;
  used += bytes;
  return pool.toString("hex", start, used);
}
