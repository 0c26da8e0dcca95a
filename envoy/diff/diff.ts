import type { DescMessage, JsonObject, JsonValue, Message } from "@bufbuild/protobuf";
import type { Bootstrap } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { BootstrapSchema } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { plainConfig } from "../render/render.ts";
import { type Change, changes } from "./changes.ts";

/** A configuration: a bootstrap, and resources beside it. */
export interface Configuration {
  readonly bootstrap?: Bootstrap;
  readonly resources: readonly { readonly schema: DescMessage; readonly message: Message }[];
}

/** What became of one resource, or of the bootstrap without its static resources. */
export interface ResourceDifference {
  /** "bootstrap", "listener", "cluster" and so on. */
  readonly type: string;
  readonly name: string;
  readonly kind: "added" | "removed" | "changed";
  /** Fields that differ, in a changed one. */
  readonly changes: readonly Change[];
}

/**
 * What differs for Envoy: by resource, wherever a resource stands (in a bootstrap or beside it), and by field. The order of
 * resources, of keys and the spelling of names do not matter.
 */
export function diff(before: Configuration, after: Configuration): readonly ResourceDifference[] {
  const [old, current] = [partsOf(before), partsOf(after)];
  const keys = [...new Set([...old.keys(), ...current.keys()])].sort();
  return keys.flatMap((key): ResourceDifference[] => {
    const [was, is] = [old.get(key), current.get(key)];
    const { type, name } = is ?? was ?? { type: key, name: "" };
    if (was === undefined) return [{ type, name, kind: "added", changes: [] }];
    if (is === undefined) return [{ type, name, kind: "removed", changes: [] }];
    const found = changes(was.content, is.content);
    return found.length === 0 ? [] : [{ type, name, kind: "changed", changes: found }];
  });
}

interface Part {
  readonly type: string;
  readonly name: string;
  readonly content: JsonValue;
}

/** Static resources are parts of their own, by the names that xDS has for them. */
const staticTypes = { listeners: "listener", clusters: "cluster", secrets: "secret" };

function partsOf({ bootstrap, resources }: Configuration): ReadonlyMap<string, Part> {
  const parts = resources.map(({ schema, message }) => part(typeLabel(schema), plainConfig(schema, message)));
  if (bootstrap !== undefined) {
    const { static_resources: fixed = {}, ...rest } = plainConfig(BootstrapSchema, bootstrap) as JsonObject;
    parts.push({ type: "bootstrap", name: "", content: rest });
    for (const [field, type] of Object.entries(staticTypes)) {
      const list = (fixed as JsonObject)[field];
      if (Array.isArray(list)) parts.push(...list.map((content) => part(type, content)));
    }
  }
  return new Map(parts.map((one) => [`${one.type} ${one.name}`, one]));
}

function part(type: string, content: JsonValue): Part {
  const { name, cluster_name: clusterName } = content as JsonObject;
  return { type, name: String(name ?? clusterName ?? ""), content };
}

function typeLabel({ name }: DescMessage): string {
  const labels: Readonly<Record<string, string>> = { RouteConfiguration: "routes", ClusterLoadAssignment: "endpoints" };
  return labels[name] ?? name.toLowerCase();
}
