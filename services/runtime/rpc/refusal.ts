import type { IncomingMessage, ServerResponse } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { httpStatusOf } from "../errors/inspect.ts";
import { errorDetailRegistry, statusJson } from "../errors/status-json.ts";

/** The protocol a request speaks, as far as its content type tells. */
export type Dialect = "grpc" | "grpc-web" | "connect" | "rest";

export function dialectOf(request: IncomingMessage): Dialect {
  const type = request.headers["content-type"] ?? "";
  if (/^application\/grpc-web/i.test(type)) return "grpc-web";
  if (/^application\/grpc/i.test(type)) return "grpc";
  if (/^application\/(connect\+|proto\b)/i.test(type) || "connect-protocol-version" in request.headers)
    return "connect";
  return "rest";
}

/** Answers a request that reaches no method with an error in the request's own protocol. */
export function refuse(response: ServerResponse, dialect: Dialect, error: ConnectError): void {
  if (dialect === "grpc" || dialect === "grpc-web") {
    // "Trailers-Only" (gRPC over HTTP/2): a failed call is HTTP 200.
    // The request's message format, though there is no message: gRPC-Web clients take no other.
    const format = /\+json/i.test(response.req.headers["content-type"] ?? "") ? "json" : "proto";
    const header = setTrailerStatus(new Headers({ "content-type": `application/${dialect}+${format}` }), error);
    response.writeHead(200, Object.fromEntries(header)).end();
    return;
  }
  const body =
    dialect === "connect"
      ? errorToJsonBytes(error, { registry: errorDetailRegistry })
      : Buffer.from(`${JSON.stringify(statusJson(error))}\n`);
  response
    .writeHead(httpStatusOf(error), { "content-type": "application/json", "content-length": body.byteLength })
    .end(body);
}
