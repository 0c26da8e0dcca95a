import { createHash } from "node:crypto";
import { clone, type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";

/**
 * SHA-256 (hex) of a message's canonical bytes: two requests that say the same have the same one, whatever encoding they
 * came in. protobuf-es writes fields in one order; only map entries keep the caller's, so those are sorted first.
 */
export type Fingerprint = (message: Message) => string;

export function fingerprintOf(type: DescMessage): Fingerprint {
  const canonical = reachesMap(type, new Set())
    ? (message: Message) => {
        const copy = clone(type, message);
        sortMaps(reflect(type, copy));
        return toBinary(type, copy);
      }
    : (message: Message) => toBinary(type, message);
  return (message) => createHash("sha256").update(canonical(message)).digest("hex");
}

function reachesMap(type: DescMessage, seen: Set<string>): boolean {
  if (seen.has(type.typeName)) return false;
  seen.add(type.typeName);
  return type.fields.some(
    (field) => field.fieldKind === "map" || (field.message !== undefined && reachesMap(field.message, seen)),
  );
}

/** What is sorted is set again: for google.protobuf.Struct, `get` gives a copy. */
function sortMaps(message: ReflectMessage): ReflectMessage {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === "map") {
      const map = message.get(field);
      const entries = [...map].sort(([a], [b]) => compare(String(a), String(b)));
      map.clear();
      for (const [key, value] of entries)
        map.set(key, field.mapKind === "message" ? sortMaps(value as ReflectMessage) : value);
    } else if (field.fieldKind === "list" && field.listKind === "message") {
      const list = message.get(field);
      for (const [index, entry] of list.entries()) list.set(index, sortMaps(entry as ReflectMessage));
    } else if (field.fieldKind === "message") {
      message.set(field, sortMaps(message.get(field)));
    }
  }
  return message;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
