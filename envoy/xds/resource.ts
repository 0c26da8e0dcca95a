import { createHash } from "node:crypto";

/** Another resource that this one cannot do without. */
export interface Reference {
  readonly typeUrl: string;
  readonly name: string;
}

/** One named resource as it goes over the wire. Equal content has an equal version, in every process. */
export interface Resource {
  readonly name: string;
  readonly version: string;
  /** google.protobuf.Any. */
  readonly body: { readonly typeUrl: string; readonly value: Uint8Array };
  /** Resources the client will ask for over the same stream once it has this one. */
  readonly references: readonly Reference[];
}

/** What a stream needs of a snapshot. */
export interface ResourceSource {
  resources(typeUrl: string): ReadonlyMap<string, Resource>;
  /** Equals `versionOf(resources(typeUrl))`. */
  version(typeUrl: string): string;
}

/** 128 bits of SHA-256: short enough for logs, long enough never to collide. */
export function contentHash(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("base64url").slice(0, 22);
}

/** Version of a set of resources: the same names at the same versions have the same one, whoever computes it. */
export function versionOf(resources: ReadonlyMap<string, { readonly version: string }>): string {
  const names = [...resources.keys()].sort();
  return contentHash(...names.flatMap((name) => [name, resources.get(name)?.version ?? ""]));
}
