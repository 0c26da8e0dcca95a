import type { Message } from "@bufbuild/protobuf";

/** Anything with an order: numbers, 64-bit integers, durations and timestamps. */
export type Ordered = number | bigint | { readonly seconds: bigint; readonly nanos: number };

/** Negative where a is less than b. */
export function compare(a: Ordered, b: Ordered): number {
  if (typeof a !== "object" || typeof b !== "object") return a < b ? -1 : a > b ? 1 : 0;
  return compare(a.seconds, b.seconds) || compare(a.nanos, b.nanos);
}

export function isOrdered(value: unknown): value is Ordered {
  return typeof value === "number" || typeof value === "bigint" || isDuration(value);
}

function isDuration(value: unknown): value is Message & { readonly seconds: bigint; readonly nanos: number } {
  return typeof value === "object" && value !== null && "seconds" in value && "nanos" in value;
}

export function equal(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return isOrdered(a) && isOrdered(b) ? compare(a, b) === 0 : a === b;
}

/** A value as it stands in a configuration. */
export function valueText(value: unknown): string {
  if (isDuration(value)) return `${Number(value.seconds) + value.nanos / 1e9}s`;
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
