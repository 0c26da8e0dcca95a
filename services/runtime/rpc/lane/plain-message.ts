import type { DescMessage } from "@bufbuild/protobuf";
import { Edition, isWrapperDesc } from "@bufbuild/protobuf/wkt";

/** A message as protobuf-es keeps it. */
export type AnyMessage = Readonly<Record<string, unknown>>;

/** A value that a compiled encoder leaves to protobuf-es, be it to write or to refuse. */
export class Unusual extends Error {}

export function unusual(): never {
  throw new Unusual();
}

/** proto3, without fields that protobuf-es keeps in another shape than a message's (wrappers and Struct). */
export function hasPlainFields(type: DescMessage): boolean {
  if (type.file.edition !== Edition.EDITION_PROTO3) return false;
  return type.fields.every(
    ({ jsonName, message }) =>
      jsonName !== "__proto__" &&
      (message === undefined || !(isWrapperDesc(message) || message.typeName === "google.protobuf.Struct")),
  );
}
