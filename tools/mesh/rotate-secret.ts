import { readFileSync } from "node:fs";
import { replaceFile } from "./certificates/store.ts";
import type { Secrets } from "./secrets.ts";

/** Secrets whose users read their file anew, and take each of its lines. */
export const rotatableSecrets = ["jwt", "service-token"] as const;
export type RotatableSecret = (typeof rotatableSecrets)[number];

/**
 * A new secret signs from now on, and the one before it still verifies, until the next rotation. Everybody learns it before the first
 * signs with it: `settle` is the time for that.
 */
export async function rotateSecret(
  secrets: Secrets,
  name: RotatableSecret,
  fresh: string,
  settle: () => Promise<void>,
): Promise<void> {
  const file = secrets.file(name);
  const [current = ""] = readFileSync(file, "utf8").split("\n", 1);
  replaceFile(file, `${current}\n${fresh}\n`);
  await settle();
  replaceFile(file, `${fresh}\n${current}\n`);
}
