import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "./certificates/store.ts";

/** Secrets of this mesh: files that only their owner reads, made at the first start and kept. */
export interface Secrets {
  /** Path of the file. */
  file(name: string): string;
  /** The first line of the file. */
  value(name: string): string;
  /** Keeps what is made of other secrets in a file of its own, and returns its path. */
  derive(name: string, content: string): string;
}

/** Well above what HMAC-SHA-256 needs (bytes). */
const secretBytes = 48;

/** Makes the secrets that are missing. */
export function ensureSecrets(directory: string, names: readonly string[]): Secrets {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = (name: string) => join(directory, name);
  for (const name of names) {
    if (!isThere(file(name))) replaceFile(file(name), `${newSecret()}\n`);
  }
  return {
    file,
    value: (name) => readFileSync(file(name), "utf8").split("\n", 1)[0] ?? "",
    derive: (name, content) => {
      replaceFile(file(name), `${content}\n`);
      return file(name);
    },
  };
}

export function newSecret(): string {
  return randomBytes(secretBytes).toString("base64url");
}

function isThere(path: string): boolean {
  try {
    return readFileSync(path, "utf8").trim() !== "";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
