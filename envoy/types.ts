import { createRegistry, type DescMessage, type Registry } from "@bufbuild/protobuf";
import { files } from "./gen/files.js";

/** Every message type of Envoy's API that this package knows: what `Any` is read and written with. */
export const envoyTypes: Registry = createRegistry(...files);

/** Message type of an `Any`'s type URL; undefined for one that this package does not know. */
export function messageOfTypeUrl(typeUrl: string): DescMessage | undefined {
  return envoyTypes.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
}
