import type { Message, Registry as TypeRegistry } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { type Compression, mergeNonProtocolHeaders } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorToJson, trailerMux } from "@connectrpc/connect/protocol-connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import type { HeaderReader } from "../../auth/authenticator.ts";
import type { Codec } from "./codec.ts";

/** A whole answer, ready for any transport. */
export interface LaneReply {
  readonly status: number;
  /** Names (lower case) and values in turn. */
  readonly headers: string[];
  readonly body: string | Uint8Array;
}

/** What the handler set, if it asked for them. */
export interface ReplyMetadata {
  readonly header: Headers | undefined;
  readonly trailer: Headers | undefined;
}

/** Encodings that both sides of this process know, and the size below which they do not pay: connect's. */
export const compressions: readonly Compression[] = [compressionGzip, compressionBrotli];
const compressMinBytes = 1024;

export function messageReply(
  codec: Codec,
  message: Message,
  metadata: ReplyMetadata,
  request: HeaderReader,
): LaneReply | Promise<LaneReply> {
  return encoded(200, codec.contentType, codec.encode(message), metadata, request);
}

/** An error in Connect's form; throws when its details cannot be written. */
export function errorReply(
  error: ConnectError,
  types: TypeRegistry,
  { header: own, trailer }: ReplyMetadata,
  request: HeaderReader,
): LaneReply | Promise<LaneReply> {
  const body = JSON.stringify(errorToJson(error, { registry: types }));
  let header = own;
  if (!error.isWireError && !isEmpty(error.metadata)) {
    header = new Headers(own);
    mergeNonProtocolHeaders(header, error.metadata);
  }
  header?.set("content-type", "application/json");
  return encoded(codeToHttpStatus(error.code), "application/json", body, { header, trailer }, request);
}

/** Compressed where the client takes it and it pays. */
function encoded(
  status: number,
  contentType: string,
  body: string | Uint8Array,
  metadata: ReplyMetadata,
  request: HeaderReader,
): LaneReply | Promise<LaneReply> {
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  const compression = length < compressMinBytes ? undefined : acceptedOf(request.get("accept-encoding"));
  if (compression !== undefined) return compressed(status, contentType, body, metadata, compression);
  return { status, headers: headersOf(contentType, length, metadata), body };
}

async function compressed(
  status: number,
  contentType: string,
  body: string | Uint8Array,
  { header, trailer }: ReplyMetadata,
  { name, compress }: Compression,
): Promise<LaneReply> {
  const bytes = await compress(typeof body === "string" ? Buffer.from(body) : new Uint8Array(body));
  const own = new Headers(header);
  own.set("content-encoding", name);
  return { status, headers: headersOf(contentType, bytes.byteLength, { header: own, trailer }), body: bytes };
}

/** The first encoding in the client's list that we know; weights are not looked at, as connect does not. */
function acceptedOf(list: string | null): Compression | undefined {
  if (list === null) return undefined;
  for (const name of list.split(",")) {
    const found = compressions.find((compression) => compression.name === name.trim());
    if (found !== undefined) return found;
  }
  return undefined;
}

function headersOf(contentType: string, length: number, { header, trailer }: ReplyMetadata): string[] {
  if (header === undefined && trailer === undefined)
    return ["content-length", String(length), "content-type", contentType];
  const all = trailerMux(header ?? new Headers(), trailer ?? new Headers());
  if (!all.has("content-type")) all.set("content-type", contentType);
  all.set("content-length", String(length));
  return [...all].flat();
}

function isEmpty(headers: Headers): boolean {
  for (const _ of headers) return false;
  return true;
}
