/** A number as it was written: no digit is lost before somebody knows what it is for. */
export class JsonNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** Members in their order; a Map, so that `__proto__` is a key like any other and `1` comes not before `a`. */
export type JsonObject = Map<string, JsonTree>;

/** A JSON text as read. */
export type JsonTree = null | boolean | string | JsonNumber | JsonTree[] | JsonObject;

/** What a person calls a tree's type. */
export function typeName(tree: JsonTree): "null" | "a boolean" | "a string" | "a number" | "an array" | "an object" {
  if (tree === null) return "null";
  if (typeof tree === "boolean") return "a boolean";
  if (typeof tree === "string") return "a string";
  if (tree instanceof JsonNumber) return "a number";
  return Array.isArray(tree) ? "an array" : "an object";
}

/** The compact JSON text of a tree, numbers as they were written. */
export function treeToText(tree: JsonTree): string {
  if (tree instanceof JsonNumber) return tree.source;
  if (tree instanceof Map) {
    const members = [...tree].map(([key, value]) => `${JSON.stringify(key)}:${treeToText(value)}`);
    return `{${members.join(",")}}`;
  }
  return Array.isArray(tree) ? `[${tree.map(treeToText).join(",")}]` : JSON.stringify(tree);
}

/** The tree as plain JavaScript values; numbers become doubles. Keys are own properties, whatever they are called. */
export function treeToValue(tree: JsonTree): PlainJson {
  if (tree instanceof JsonNumber) return Number(tree.source);
  if (tree instanceof Map) return Object.fromEntries([...tree].map(([key, value]) => [key, treeToValue(value)]));
  return Array.isArray(tree) ? tree.map(treeToValue) : tree;
}

export type PlainJson = null | boolean | string | number | PlainJson[] | { [key: string]: PlainJson };
