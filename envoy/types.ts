import { createRegistry, type DescMessage, type Registry } from "@bufbuild/protobuf";
import {
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import { files } from "./gen/files.js";

/** Every message type of Envoy's API that this package knows: what `Any` is read and written with. */
export const envoyTypes: Registry = createRegistry(
  ...files,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
);

/** Full name of the message in an `Any`'s type URL. */
export function typeNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

/** Message type of an `Any`'s type URL; undefined for one that this package does not know. */
export function messageOfTypeUrl(typeUrl: string): DescMessage | undefined {
  return envoyTypes.getMessage(typeNameOf(typeUrl));
}
