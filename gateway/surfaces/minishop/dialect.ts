import { TimeFormat } from "@ordermesh/proto/ordermesh/rest/v1/options_pb";
import { type Dialect, proto3Json } from "../../transcoder/dialect.ts";

/** JSON and queries as gin and encoding/json read and write them (docs/contracts/minishop.md 1.1, 1.5, 9). */
export const minishopDialect: Dialect = {
  write: {
    ...proto3Json.write,
    names: "proto",
    int64: "number",
    time: TimeFormat.RFC3339_TRIMMED,
    htmlSafe: true,
  },
  read: {
    maxDepth: 64,
    duplicateKeys: "last-wins",
    trailing: "ignore",
    unknownKeys: "ignore",
    keyCase: "insensitive",
    bothNames: false,
    quotedNumbers: false,
    integers: "digits",
  },
  query: { unknown: "ignore", ignored: [], repeatedSingular: "first-wins", badEscapes: "drop" },
  pathConflict: "path-wins",
};
