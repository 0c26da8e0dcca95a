import { createHash } from "node:crypto";
import { fail } from "@ordermesh/runtime/errors/fail.ts";

/** Where a page of rows ordered by (created_at, id) ends; the next page begins after it. */
export interface PageKey {
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly id: string;
}

/** What a query filters by, always in the same order: a token goes on only with the query that it came from. */
export type PageFilters = readonly (string | number | bigint | boolean | undefined)[];

/** An opaque token for the page after `key`. */
export function nextPageToken(key: PageKey, filters: PageFilters): string {
  return encodePageToken([key.createdAt, key.id, hashOf(filters)]);
}

/**
 * The key that a token stands for; undefined for "", the first page. Throws INVALID_ARGUMENT (VALIDATION) for what no
 * answer to a query with these filters gave.
 */
export function readPageToken(token: string, filters: PageFilters): PageKey | undefined {
  if (token === "") return undefined;
  const [createdAt, id, hash, ...rest] = decodePageToken(token);
  const timeInRange = typeof createdAt === "number" && createdAt >= firstTime && createdAt <= lastTime;
  if (!timeInRange || typeof id !== "string" || id.includes("\0") || rest.length > 0) throw notAToken();
  if (hash !== hashOf(filters)) throw notAToken("belongs to a query with other filters");
  return { createdAt, id };
}

/** Times that every database stores (`Dialect.time`). */
const firstTime = Date.UTC(1000, 0, 1);
const lastTime = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Packs the key of a page's last row; whoever orders by (created_at, id) takes `nextPageToken`. */
export function encodePageToken(parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** Reverses `encodePageToken`. Throws INVALID_ARGUMENT (VALIDATION) for anything else; numbers are safe integers. */
export function decodePageToken(token: string): (string | number)[] {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(token, "base64url").toString());
  } catch {
    throw notAToken();
  }
  // Base64 is read leniently: only the one spelling that we write counts.
  if (!Array.isArray(parts) || !parts.every(isPart) || encodePageToken(parts) !== token) throw notAToken();
  return parts;
}

function isPart(value: unknown): value is string | number {
  return typeof value === "string" || Number.isSafeInteger(value);
}

function hashOf(filters: PageFilters): string {
  const text = JSON.stringify(filters.map((value) => (value === undefined ? null : String(value))));
  return createHash("sha256").update(text).digest("base64url").slice(0, 10);
}

function notAToken(description = "is not a token of this list"): Error {
  return fail("VALIDATION", { violations: [{ field: "page_token", description }] });
}
