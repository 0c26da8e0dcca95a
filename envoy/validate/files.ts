import { readdir } from "node:fs/promises";
import { extname } from "node:path";
import type { Message } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type DiscoveryResponse, DiscoveryResponseSchema } from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import { envoyTypes } from "../types.ts";

export const configExtensions: readonly string[] = [".yaml", ".yml", ".json"];

/** Paths of the configuration files below a folder, hidden ones left out, in a fixed order. Rejects when it cannot be read. */
export async function configFiles(directory: string): Promise<readonly string[]> {
  const paths = await readdir(directory, { recursive: true });
  const isHidden = (path: string) => path.split(/[\\/]/).some((part) => part.startsWith("."));
  return paths.filter((path) => configExtensions.includes(extname(path)) && !isHidden(path)).sort();
}

/** The resources that a file's message holds: those of a list, or itself. */
export function resourcesIn(message: Message): readonly Message[] {
  if (message.$typeName !== DiscoveryResponseSchema.typeName) return [message];
  return (message as DiscoveryResponse).resources.flatMap((any) => anyUnpack(any, envoyTypes) ?? []);
}
