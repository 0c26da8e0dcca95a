import { isUtf8 } from "node:buffer";
import type { JsonValue } from "@bufbuild/protobuf";
import {
  type Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import type { Path } from "./path.ts";
import type { Problem } from "./problem.ts";

/** A configuration as text: what it says, and where it says what. */
export interface Source {
  readonly value: JsonValue;
  /** Errors of YAML or JSON itself, such as a key that is there twice. */
  readonly problems: readonly Problem[];
  /** Line and column of what is at a path, or of the nearest thing around it. */
  locate(path: Path): { readonly line: number; readonly column: number };
}

/** Reads YAML 1.2, and JSON, which is part of it; of bytes, UTF-8. Never throws. */
export function readSource(source: string | Uint8Array): Source {
  const text = typeof source === "string" ? source : new TextDecoder().decode(source);
  if (typeof source !== "string" && !isUtf8(source)) return notUtf8(text);
  const lines = new LineCounter();
  // Numbers beyond 2^53 as BigInt, so that a 64-bit field loses nothing.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, intAsBigInt: true });
  const position = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problems = [...document.errors, ...document.warnings].map((error): Problem => {
    const severity = error.name === "YAMLWarning" ? "warning" : "error";
    return { severity, path: [], message: yamlMessage(error), ...position(error.pos[0]) };
  });
  const read = contentOf(document);
  if (read.problem !== undefined)
    problems.push({ severity: "error", path: [], message: read.problem, line: 1, column: 1 });
  return {
    value: read.value,
    problems,
    locate: (path) => position(nodeAt(document.contents, path)?.range?.[0] ?? 0),
  };
}

/** Decoded leniently, each place that is no UTF-8 holds this. */
const replacement = "\uFFFD";

function notUtf8(text: string): Source {
  const before = text.slice(0, Math.max(0, text.indexOf(replacement))).split("\n");
  const place = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  return {
    value: null,
    problems: [{ severity: "error", path: [], message: "is not UTF-8", ...place }],
    locate: () => place,
  };
}

/** The parser's words, except where they are for programmers. */
function yamlMessage({ code, message }: YAMLError): string {
  if (code === "MULTIPLE_DOCS") return 'holds several documents: a file is one; list resources under "resources"';
  if (message.startsWith("Maximum call stack")) return "is nested too deeply";
  return message.replace(/ at line \d+.*$/s, "");
}

function contentOf(document: Document.Parsed): { readonly value: JsonValue; readonly problem?: string } {
  if (document.errors.length > 0) return { value: null };
  try {
    // A hundred aliases are enough for everybody; more are an attempt to fill the memory.
    return { value: toJson(document.toJS({ maxAliasCount: 100 })) };
  } catch (error) {
    if (error instanceof RangeError) return { value: null, problem: "is nested too deeply, or within itself" };
    return { value: null, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Numbers beyond 2^53 as text, which is how JSON of protobuf has them. */
function toJson(value: unknown): JsonValue {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== "object" || value === null) return value as JsonValue;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, toJson(entry)]));
}

/** The key where the path ends in a map, else the value; where the path leads nowhere, the last thing on it. */
function nodeAt(top: unknown, path: Path): Node | undefined {
  let node = top;
  let found = isNode(top) ? top : undefined;
  for (const step of path) {
    if (isMap(node)) {
      const pair = pairOf(node, String(step)) ?? pairOf(node, jsonName(String(step)));
      if (pair === undefined) break;
      if (isNode(pair.key)) found = pair.key;
      node = pair.value;
    } else if (isSeq(node) && typeof step === "number") {
      node = node.items[step];
      if (isNode(node)) found = node;
    } else break;
  }
  return found;
}

function pairOf(map: YAMLMap, name: string): Pair | undefined {
  return map.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === name);
}

/** The spelling that JSON has for a proto's field: rules name fields as the proto does, texts may use either. */
function jsonName(field: string): string {
  return field.replace(/_(.)/g, (_, next: string) => next.toUpperCase());
}

function isNode(value: unknown): value is Node {
  return isMap(value) || isSeq(value) || isScalar(value);
}
