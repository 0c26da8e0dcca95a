import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bootstrap } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { BootstrapSchema } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { renderJson } from "../render/render.ts";

/** What Envoy itself says of a bootstrap. */
export type EnvoyVerdict =
  | { readonly accepted: true; readonly warnings: readonly string[] }
  | { readonly accepted: false; readonly errors: readonly string[] };

/** Starting Envoy takes a fraction of a second; a minute means that it hangs. */
const timeoutMs = 60_000;

/**
 * Asks `envoy --mode validate`, which checks also what no rule states: references, certificates, regular expressions. It
 * opens no port and asks no control plane. Throws when the program cannot be run.
 */
export async function askEnvoy(binary: string, bootstrap: Bootstrap): Promise<EnvoyVerdict> {
  const folder = await mkdtemp(join(tmpdir(), "envoy-config-"));
  try {
    const file = join(folder, "bootstrap.json");
    await writeFile(file, renderJson(BootstrapSchema, bootstrap), { mode: 0o600 });
    return await askEnvoyFile(binary, file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As `askEnvoy`, for a file as it is. */
export function askEnvoyFile(binary: string, file: string): Promise<EnvoyVerdict> {
  // Without shared memory, so that several can run at once and beside a real Envoy.
  const args = ["--mode", "validate", "--config-path", file, "--log-level", "warning", "--use-dynamic-base-id"];
  const options = { timeout: timeoutMs, maxBuffer: 16 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    execFile(binary, args, options, (error, stdout, stderr) => {
      const lines = logLines(`${stdout}\n${stderr}`);
      if (error === null) resolve({ accepted: true, warnings: lines });
      else if (typeof error.code === "number" && error.signal == null)
        resolve({ accepted: false, errors: errorsOf(lines) });
      else reject(new Error(`${binary} --mode validate did not end well: ${error.message}`, { cause: error }));
    });
  });
}

/** Messages without time, thread and source file. */
function logLines(output: string): readonly string[] {
  const lines = output
    .split("\n")
    .map((line) => line.replace(/^\[[^\]]*\]\[\d+\]\[\w+\]\[[^\]]*\] (\[[^\]]*\] )?/, ""));
  return lines.filter((line) => line.trim() !== "" && !/^configuration '.*' OK$/.test(line));
}

/** Envoy says most errors twice: in its log and, shortened, as it ends. */
function errorsOf(lines: readonly string[]): readonly string[] {
  const stripped = lines.map((line) => line.replace(/^error initializing (configuration|config) '[^']*': /, "").trim());
  const distinct = [...new Set(stripped)].filter((line) => line !== "");
  return distinct.length > 0 ? distinct : ["Envoy gave no reason"];
}
