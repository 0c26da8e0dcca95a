import {
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  fromJsonString,
  type Message,
  type Registry as TypeRegistry,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { createBinaryEncoder } from "./binary-encoder.ts";
import { createJsonEncoder } from "./json-encoder.ts";

/** One encoding of a method's messages. */
export interface Codec {
  readonly contentType: string;
  /** Throws INVALID_ARGUMENT for bytes that are no such message. */
  decode(bytes: Uint8Array): Message;
  /** Throws for a reply that its handler made wrong. */
  encode(message: Message): string | Uint8Array;
}

export interface Codecs {
  readonly json: Codec;
  readonly binary: Codec;
}

/** Codecs as the universal handlers have them: JSON with unknown fields is taken, as Connect clients may be newer. */
export function createCodecs({ input, output }: DescMethodUnary, types: TypeRegistry): Codecs {
  return {
    json: {
      contentType: "application/json",
      decode: jsonDecoder(input, types),
      encode: createJsonEncoder(output, { registry: types }),
    },
    binary: {
      contentType: "application/proto",
      decode(bytes) {
        try {
          return fromBinary(input, bytes);
        } catch (error) {
          throw malformed(`parse binary: ${textOf(error)}`);
        }
      },
      encode: createBinaryEncoder(output),
    },
  };
}

function jsonDecoder(type: DescMessage, registry: TypeRegistry): Codec["decode"] {
  const options = { registry, ignoreUnknownFields: true };
  // As the universal handlers: what is not UTF-8 becomes U+FFFD, a byte order mark is passed over.
  const utf8 = new TextDecoder();
  return (bytes) => {
    try {
      return fromJsonString(type, utf8.decode(bytes), options);
    } catch (error) {
      throw malformed(textOf(error));
    }
  };
}

/** The caller's own bytes are at fault, and the text speaks of nothing else. */
export function malformed(text: string): ConnectError {
  return new ConnectError(text, Code.InvalidArgument);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
