import { createHash, timingSafeEqual } from "node:crypto";
import type { Role } from "./principal.ts";

/** A key as the operator configured it; only its hash is kept. */
export interface ApiKey {
  /** SHA-256 of the key. */
  readonly digest: Buffer;
  readonly role: Extract<Role, "user" | "operator">;
}

/** A plain key needs enough letters that it cannot be tried out over the network. */
export const minimumApiKeyLength = 16;

const sha256Hex = /^sha256:([0-9a-f]{64})$/i;

/**
 * Parses a comma-separated list of keys: `KEY` or `sha256:HEX`, each with an optional role before it (`operator:KEY`;
 * default user). Throws an Error without the key in its text.
 */
export function parseApiKeys(list: string): ApiKey[] {
  const entries = list.split(",").map((entry) => entry.trim());
  return entries.filter((entry) => entry !== "").map(parseApiKey);
}

function parseApiKey(entry: string, index: number): ApiKey {
  const [, prefix, key = ""] = /^(?:(user|operator):)?(.*)$/s.exec(entry) ?? [];
  const role = prefix === "operator" ? "operator" : "user";
  const digest = sha256Hex.exec(key)?.[1];
  if (digest !== undefined) return { digest: Buffer.from(digest, "hex"), role };
  if (key.includes(":")) throw new Error(`key ${index + 1} has an unknown prefix`);
  if (key.length < minimumApiKeyLength) {
    throw new Error(`key ${index + 1} is shorter than ${minimumApiKeyLength} characters`);
  }
  return { digest: hash(key), role };
}

/** The configured key equal to `candidate`; takes the same time whichever it is, or none. */
export function findApiKey(keys: readonly ApiKey[], candidate: string): ApiKey | undefined {
  const digest = hash(candidate);
  let found: ApiKey | undefined;
  for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key;
  return found;
}

function hash(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
