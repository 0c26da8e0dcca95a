import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Message } from "@bufbuild/protobuf";
import { BootstrapSchema } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { readConfig } from "../validate/config.ts";
import { configFiles, resourcesIn } from "../validate/files.ts";
import { formatProblem } from "../validate/problem.ts";
import { resourceName, type Snapshot, snapshotOf } from "./snapshot.ts";

/** What a folder of resource files says. */
export interface FolderContent {
  /** Absent where there is an error. */
  readonly snapshot?: Snapshot;
  /** One line each, as "orders.yaml:3:5: error: resources[0].nmae: unknown field". */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/** Names, sizes and times of a folder's resource files: different after every change of one. */
export async function folderFingerprint(directory: string): Promise<string> {
  const files = await configFiles(directory);
  const stats = await Promise.all(files.map((file) => stat(join(directory, file)).catch(() => undefined)));
  return JSON.stringify(stats.map((stat, index) => [files[index], stat?.mtimeMs, stat?.size, stat?.ino]));
}

/**
 * Reads every .yaml, .yml and .json file below a folder, hidden ones left out. A file holds one resource with its "@type", or
 * a list of them under "resources", as Envoy itself reads from files. Each is checked as `validate` does, and all
 * together for names that are missing or there twice. Rejects when the folder or a file cannot be read.
 */
export async function readResourceFolder(directory: string): Promise<FolderContent> {
  const errors: string[] = [];
  const warnings: string[] = [];
  const resources: Message[] = [];
  const files = new Map<string, string>();
  for (const file of await configFiles(directory)) {
    const { schema, message, problems } = readConfig(await readFile(join(directory, file)));
    for (const problem of problems) {
      (problem.severity === "error" ? errors : warnings).push(formatProblem(problem, file));
    }
    if (message === undefined) {
      // What is in them cannot be written in protobuf's binary form.
      const isUnknown = problems.every(({ severity }) => severity !== "error");
      if (isUnknown) errors.push(`${file}: holds extensions of unknown types, which cannot be served`);
      continue;
    }
    if (schema === BootstrapSchema)
      errors.push(`${file}: error: is a bootstrap, or has neither "@type" nor "resources"`);
    for (const resource of schema === BootstrapSchema ? [] : resourcesIn(message)) {
      const key = `${resource.$typeName} ${resourceName(resource)}`;
      const other = files.get(key);
      if (!resourceName(resource)) errors.push(`${file}: error: ${resource.$typeName} is no resource, or has no name`);
      else if (other !== undefined) errors.push(`${file}: error: ${key} is in ${other} already`);
      files.set(key, file);
      resources.push(resource);
    }
  }
  if (errors.length > 0) return { errors, warnings };
  const snapshot = snapshotOf(resources);
  for (const { kind, text } of snapshot.inconsistencies()) (kind === "missing" ? errors : warnings).push(text);
  return errors.length > 0 ? { errors, warnings } : { snapshot, errors, warnings };
}
