import { decodeSegment } from "./percent.ts";

/** A request path, split once. */
export interface PathSegments {
  /** As they came; a trailing slash gives a last empty one. */
  readonly raw: readonly string[];
  /** What literals are compared with: percent-decoded, because `%61` spells `a`; undefined where that fails. */
  readonly decoded: readonly (string | undefined)[];
  /** A segment before the last is empty. */
  readonly hasEmpty: boolean;
  /** A segment holds `%2F`. */
  readonly hasEncodedSlash: boolean;
  /** A segment's percent-encoding is broken. */
  readonly malformed: boolean;
}

/** Splits a path that begins with a slash. */
export function splitPath(path: string): PathSegments {
  const raw = segmentsOf(path);
  const empty = raw.indexOf("");
  const hasEmpty = empty !== -1 && empty < raw.length - 1;
  if (!path.includes("%")) return { raw, decoded: raw, hasEmpty, hasEncodedSlash: false, malformed: false };
  const decoded = raw.map(decode);
  return {
    raw,
    decoded,
    hasEmpty,
    hasEncodedSlash: decoded.some((segment) => segment?.includes("/")),
    malformed: decoded.includes(undefined),
  };
}

/** `path.slice(1).split("/")`, which every request would otherwise leave to V8's runtime. */
function segmentsOf(path: string): string[] {
  const segments: string[] = [];
  let start = 1;
  for (let end = path.indexOf("/", start); end !== -1; end = path.indexOf("/", start)) {
    segments.push(path.slice(start, end));
    start = end + 1;
  }
  segments.push(path.slice(start));
  return segments;
}

function decode(segment: string): string | undefined {
  try {
    return decodeSegment(segment);
  } catch {
    return undefined;
  }
}

/**
 * The same path without the verb after its last segment's last colon, and that verb; undefined when it has none. The
 * split comes before decoding: `%3A` is no verb's colon.
 */
export function splitVerb(path: PathSegments): { readonly path: PathSegments; readonly verb: string } | undefined {
  const last = path.raw.at(-1) ?? "";
  const colon = last.lastIndexOf(":");
  if (colon <= 0) return undefined;
  const stem = last.slice(0, colon);
  const raw = path.raw.with(-1, stem);
  const decoded = path.decoded === path.raw ? raw : path.decoded.with(-1, decode(stem));
  return { path: { ...path, raw, decoded }, verb: last.slice(colon + 1) };
}

/** `.` and `..`, however spelled: never a value, so that no one behind us can take it for a step up. */
export function isDotSegment(decoded: string | undefined): boolean {
  return decoded === "." || decoded === "..";
}
