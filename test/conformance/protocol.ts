import { readFileSync } from "node:fs";
import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { Descriptors } from "./descriptors.ts";

/** What the suite asks of the server that it starts. */
export interface ServerRequest {
  readonly http2: boolean;
  /** The largest request message that the server may take. */
  readonly messageBytes: number;
}

const http2 = 2;

/** Reads the request from standard input: a length of four bytes and a ServerCompatRequest. */
export function readServerRequest(descriptors: string): ServerRequest {
  const type = Descriptors.asDefined(descriptors).message("ServerCompatRequest");
  const message = fromBinary(type, readFileSync(process.stdin.fd).subarray(4));
  const request = message as Message & { readonly httpVersion: number; readonly messageReceiveLimit: number };
  return { http2: request.httpVersion === http2, messageBytes: request.messageReceiveLimit };
}

/** Tells the suite on standard output where the server listens. */
export function writeServerResponse(descriptors: string, port: number): void {
  const type = Descriptors.asDefined(descriptors).message("ServerCompatResponse");
  const message = toBinary(type, create(type, { host: "127.0.0.1", port }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  process.stdout.write(Buffer.concat([length, message]));
}
