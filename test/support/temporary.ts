import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";

/** A new directory of the calling test; it goes with the run's directory when the run ends. */
export function temporaryDirectory(prefix = "test"): string {
  return mkdtempSync(join(inject("run").directory, `${prefix}-`));
}
