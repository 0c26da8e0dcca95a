import { create, createRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "@ordermesh/proto/google/rpc/error_details_pb";
import { httpStatusOf, reasonOf, retryAfterMsOf } from "@ordermesh/runtime/errors/inspect.ts";
import { jsonReply, type Reply } from "../../transcoder/reply.ts";

const details = createRegistry(file_google_rpc_error_details);

/** An error as google.rpc.Status in JSON, with the HTTP status of its code or definition (AIP-193). */
export function statusReply(error: ConnectError, contentType: string, headers?: Record<string, string>): Reply {
  const body = { code: error.code, message: error.rawMessage, details: error.details.map(detailToJson) };
  const all: Record<string, string> = { ...headers };
  const retryAfterMs = retryAfterMsOf(error);
  if (retryAfterMs !== undefined) all["retry-after"] = String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
  // RFC 6750, section 3: the challenge names an error only to who sent a token.
  if (error.code === Code.Unauthenticated) {
    all["www-authenticate"] = reasonOf(error) === "TOKEN_EXPIRED" ? 'Bearer error="invalid_token"' : "Bearer";
  }
  return jsonReply(httpStatusOf(error), JSON.stringify(body), contentType, all);
}

/** A detail we know in full, another as its bytes: nothing is dropped. */
function detailToJson(detail: ConnectError["details"][number]): unknown {
  if ("desc" in detail) {
    return {
      "@type": typeUrl(detail.desc.typeName),
      ...object(toJson(detail.desc, create(detail.desc, detail.value))),
    };
  }
  const desc = details.getMessage(detail.type);
  const value = Buffer.from(detail.value);
  if (desc === undefined) return { "@type": typeUrl(detail.type), value: value.toString("base64") };
  return { "@type": typeUrl(detail.type), ...object(toJson(desc, fromBinary(desc, value))) };
}

function typeUrl(typeName: string): string {
  return `type.googleapis.com/${typeName}`;
}

/** Types whose JSON is no object (google.protobuf.Duration) stand under `value`, as in google.protobuf.Any. */
function object(json: unknown): object {
  return typeof json === "object" && json !== null && !Array.isArray(json) ? json : { value: json };
}
