import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import { type AccessLogFilterSchema, ComparisonFilter_Op } from "../gen/envoy/config/accesslog/v3/accesslog_pb.js";
import type { HeaderValueOptionSchema } from "../gen/envoy/config/core/v3/base_pb.js";
import type { HeaderMatcherSchema } from "../gen/envoy/config/route/v3/route_components_pb.js";
import {
  type LocalReplyConfig,
  LocalReplyConfigSchema,
} from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";

type HeaderInit = MessageInitShape<typeof HeaderValueOptionSchema>;
type Filter = MessageInitShape<typeof AccessLogFilterSchema>;

/** What Envoy answers by itself, as the status codes of google.rpc.Code and of Connect. */
const codes: readonly (readonly [status: number, grpc: number, connect: string])[] = [
  [400, 3, "invalid_argument"],
  [401, 16, "unauthenticated"],
  [403, 7, "permission_denied"],
  [404, 5, "not_found"],
  [408, 4, "deadline_exceeded"],
  [413, 8, "resource_exhausted"],
  [429, 8, "resource_exhausted"],
  [431, 8, "resource_exhausted"],
  [500, 13, "internal"],
  [502, 14, "unavailable"],
  [503, 14, "unavailable"],
  [504, 4, "deadline_exceeded"],
];

/** After this a client may try again what was refused for the moment. */
const retryAfter = { header: { key: "retry-after", value: "1" } };
const momentary = [429, 502, 503];

/**
 * Answers that Envoy gives without a service, in the words of each protocol: an error of Connect, trailers for gRPC-Web,
 * google.rpc.Status as JSON for REST. gRPC's own Envoy knows by itself.
 */
export function localReplies(): LocalReplyConfig {
  return create(LocalReplyConfigSchema, {
    mappers: codes.flatMap(([status, grpc, connect]) => {
      const headersToAdd = momentary.includes(status) ? [retryAfter] : [];
      const message = "%LOCAL_REPLY_BODY%";
      return [
        { filter: when(status, grpcWeb), ...trailersOnly(grpc, headersToAdd) },
        { filter: when(status, notGrpc, connectVersion), headersToAdd, ...json({ code: connect, message }) },
        { filter: when(status, notGrpc), headersToAdd, ...json({ code: grpc, message, details: [] }) },
        { filter: when(status), headersToAdd },
      ];
    }),
  });
}

/** gRPC-Web's answer to a call that failed before it began: its status stands in the headers, and there is no body. */
function trailersOnly(grpc: number, headersToAdd: readonly HeaderInit[]) {
  return {
    statusCode: 200,
    headersToAdd: [...headersToAdd, { header: { key: "grpc-status", value: String(grpc) } }],
    body: { specifier: { case: "inlineString", value: "" } as const },
    bodyFormatOverride: {
      format: { case: "textFormatSource", value: { specifier: { case: "inlineString", value: "" } } } as const,
      contentType: "application/grpc-web+proto",
    },
  };
}

function json(value: JsonObject) {
  return { bodyFormatOverride: { format: { case: "jsonFormat", value } as const, contentType: "application/json" } };
}

function when(status: number, ...others: readonly Filter[]): Filter {
  const comparison = { op: ComparisonFilter_Op.EQ, value: { defaultValue: status, runtimeKey: "local_reply.status" } };
  const isStatus: Filter = { filterSpecifier: { case: "statusCodeFilter", value: { comparison } } };
  if (others.length === 0) return isStatus;
  return { filterSpecifier: { case: "andFilter", value: { filters: [isStatus, ...others] } } };
}

const grpcWeb = contentType("application/grpc-web", false);
const notGrpc = contentType("application/grpc", true);
const connectVersion: Filter = headerFilter({
  name: "connect-protocol-version",
  headerMatchSpecifier: { case: "presentMatch", value: true },
});

function contentType(prefix: string, invertMatch: boolean): Filter {
  const matchPattern = { case: "prefix", value: prefix } as const;
  return headerFilter({
    name: "content-type",
    headerMatchSpecifier: { case: "stringMatch", value: { matchPattern } },
    invertMatch,
    // A request without a body has no type, and is no gRPC either.
    treatMissingHeaderAsEmpty: true,
  });
}

function headerFilter(header: MessageInitShape<typeof HeaderMatcherSchema>): Filter {
  return { filterSpecifier: { case: "headerFilter", value: { header } } };
}
