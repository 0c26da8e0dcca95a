import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Path } from "../validate/path.ts";

/** One field that differs: absent values are undefined. */
export interface Change {
  readonly path: Path;
  readonly before?: JsonValue;
  readonly after?: JsonValue;
}

/**
 * What differs between two configurations as plain data. Items of a list that have names are compared by name, others by
 * place; where the named items of both sides stand in another order, that is a change of its own, for of two routes the first
 * counts.
 */
export function changes(before: JsonValue | undefined, after: JsonValue | undefined, path: Path = []): Change[] {
  if (isObject(before) && isObject(after) && before["@type"] === after["@type"]) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => changes(before[key], after[key], [...path, key]));
  }
  if (Array.isArray(before) && Array.isArray(after)) return listChanges(before, after, path);
  return same(before, after) ? [] : [{ path, before, after }];
}

function listChanges(before: readonly JsonValue[], after: readonly JsonValue[], path: Path): Change[] {
  const [old, current] = [byName(before), byName(after)];
  if (old === undefined || current === undefined) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, index) => changes(before[index], after[index], [...path, index])).flat();
  }
  const names = [...new Set([...old.keys(), ...current.keys()])];
  const found = names.flatMap((name) => changes(old.get(name), current.get(name), [...path, name]));
  const oldOrder = [...old.keys()].filter((name) => current.has(name));
  const order = [...current.keys()].filter((name) => old.has(name));
  return same(oldOrder, order) ? found : [...found, { path: [...path, "order"], before: oldOrder, after: order }];
}

/** Items by their names; undefined where one has none or two have the same. */
function byName(list: readonly JsonValue[]): ReadonlyMap<string, JsonValue> | undefined {
  const named = new Map<string, JsonValue>();
  for (const item of list) {
    const name = isObject(item) ? item.name : undefined;
    if (typeof name !== "string" || name === "" || named.has(name)) return undefined;
    named.set(name, item);
  }
  return named;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Equal whatever the order of keys. */
function same(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => same(item, b[index]));
  if (!isObject(a) || !isObject(b)) return a === b;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => same(a[key], b[key]));
}
