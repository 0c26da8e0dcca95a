import { TimeFormat } from "@ordermesh/proto/ordermesh/rest/v1/options_pb";
import type { JsonReadRules } from "./json-reader.ts";

/** How messages look in a surface's JSON; a field departs from it by `(ordermesh.rest.v1.json)`. */
export interface JsonWriteRules {
  /** `proto`: snake_case as in the .proto file; `json`: lowerCamelCase. */
  readonly names: "proto" | "json";
  readonly int64: "number" | "string";
  readonly enums: "name" | "number";
  /** Words of a surface's own for an enum: full type name -> number -> word. */
  readonly enumWords?: Readonly<Record<string, Readonly<Record<number, string>>>>;
  /** Zeros, empty texts, empty lists: written or left out. */
  readonly zeroValues: "write" | "omit";
  /** Messages and `optional` fields that are not set: left out or written as null. */
  readonly unset: "omit" | "null";
  readonly time: TimeFormat;
  /** `json.decimal` fields: `12.5` and `12`, or always with a fraction (`12.0`, as Python prints a float). */
  readonly decimals: "shortest" | "fraction";
  /** `<`, `>` and `&` in texts as `\u003c` ..., as Go's encoding/json writes them. Default false. */
  readonly htmlSafe?: boolean;
}

/** What a surface takes in a JSON body, beyond names and formats, which are those it writes. */
export interface JsonBindRules extends JsonReadRules {
  readonly unknownKeys: "refuse" | "ignore";
  readonly keyCase: "exact" | "insensitive";
  /** Proto and JSON names of a field are taken, too (proto3 JSON takes both). */
  readonly bothNames: boolean;
  /** `"12"` for 12 and, for decimals, `"12.5"`. */
  readonly quotedNumbers: boolean;
  /** `integral`: also `1.0` and `1e2`; `digits`: digits only, as Go reads integers. */
  readonly integers: "integral" | "digits";
}

export interface QueryRules {
  readonly unknown: "refuse" | "ignore";
  /** Names that belong to others (proxies, caches) and are passed over even where unknown ones are refused. */
  readonly ignored: readonly string[];
  /** A parameter that stands twice for a field that is not repeated. */
  readonly repeatedSingular: "refuse" | "first-wins" | "last-wins";
  /** A pair with a bad escape: refused, or dropped as Go's URL.Query does. */
  readonly badEscapes: "refuse" | "drop";
}

/** A surface's JSON and query language, as data. */
export interface Dialect {
  readonly write: JsonWriteRules;
  readonly read: JsonBindRules;
  readonly query: QueryRules;
  /** The body gives a field that the path gives with another value. */
  readonly pathConflict: "refuse" | "path-wins";
}

/** Proto3 JSON, strict: the native surface's, and what others are derived from. */
export const proto3Json: Dialect = {
  write: {
    names: "json",
    int64: "string",
    enums: "name",
    zeroValues: "write",
    unset: "omit",
    time: TimeFormat.RFC3339,
    decimals: "shortest",
  },
  read: {
    maxDepth: 64,
    duplicateKeys: "refuse",
    trailing: "refuse",
    unknownKeys: "refuse",
    keyCase: "exact",
    bothNames: true,
    quotedNumbers: true,
    integers: "integral",
  },
  query: { unknown: "refuse", ignored: [], repeatedSingular: "refuse", badEscapes: "refuse" },
  pathConflict: "refuse",
};
