import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { packAny } from "../any.ts";
import {
  type AccessLog,
  type AccessLogFilterSchema,
  AccessLogSchema,
  ComparisonFilter_Op,
  GrpcStatusFilter_Status,
} from "../gen/envoy/config/accesslog/v3/accesslog_pb.js";
import type { SubstitutionFormatStringSchema } from "../gen/envoy/config/core/v3/substitution_format_string_pb.js";
import { FileAccessLogSchema } from "../gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import { StdoutAccessLogSchema } from "../gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js";
import { ReqWithoutQuerySchema } from "../gen/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.js";

export interface AccessLogOptions {
  /** @default standard output, which every supervisor keeps */
  readonly file?: string;
  /** Only requests that failed: status 400 and above, or a gRPC code other than OK. @default false */
  readonly errorsOnly?: boolean;
  /** More fields, in Envoy's format strings; a name that is there already replaces it. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** One JSON object a request. Query strings are left out: people put names and tokens into them. */
const fields = {
  time: "%START_TIME%",
  route: "%ROUTE_NAME%",
  method: "%REQ(:METHOD)%",
  path: "%REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH)%",
  host: "%REQ(:AUTHORITY)%",
  protocol: "%PROTOCOL%",
  status: "%RESPONSE_CODE%",
  grpc_status: "%GRPC_STATUS%",
  // Why Envoy itself answered, in two or three letters and in words.
  flags: "%RESPONSE_FLAGS%",
  details: "%RESPONSE_CODE_DETAILS%",
  duration_ms: "%DURATION%",
  upstream_ms: "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
  attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  bytes_in: "%BYTES_RECEIVED%",
  bytes_out: "%BYTES_SENT%",
  client: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
  // Who called, where the listener asks for a certificate.
  peer: "%DOWNSTREAM_PEER_URI_SAN%",
  upstream_cluster: "%UPSTREAM_CLUSTER%",
  upstream: "%UPSTREAM_HOST%",
  request_id: "%REQ(X-REQUEST-ID)%",
  // What joins this line with the services' logs and the trace.
  trace_id: "%TRACE_ID%",
} as const;

export function jsonAccessLog({ file, errorsOnly = false, fields: more = {} }: AccessLogOptions = {}): AccessLog {
  const logFormat: MessageInitShape<typeof SubstitutionFormatStringSchema> = {
    format: { case: "jsonFormat", value: { ...fields, ...more } },
    omitEmptyValues: true,
    formatters: [{ name: "envoy.formatter.req_without_query", typedConfig: packAny(ReqWithoutQuerySchema) }],
  };
  const accessLogFormat = { case: "logFormat", value: logFormat } as const;
  const typed =
    file === undefined
      ? packAny(StdoutAccessLogSchema, { accessLogFormat })
      : packAny(FileAccessLogSchema, { path: file, accessLogFormat });
  return create(AccessLogSchema, {
    name: file === undefined ? "envoy.access_loggers.stdout" : "envoy.access_loggers.file",
    ...(errorsOnly ? { filter: failures } : {}),
    configType: { case: "typedConfig", value: typed },
  });
}

type Filter = MessageInitShape<typeof AccessLogFilterSchema>;

const isGrpc: Filter = {
  filterSpecifier: {
    case: "headerFilter",
    value: {
      header: {
        name: "content-type",
        headerMatchSpecifier: {
          case: "stringMatch",
          value: { matchPattern: { case: "prefix", value: "application/grpc" } },
        },
      },
    },
  },
};

const isNotOk: Filter = {
  filterSpecifier: { case: "grpcStatusFilter", value: { statuses: [GrpcStatusFilter_Status.OK], exclude: true } },
};

const failures: Filter = {
  filterSpecifier: {
    case: "orFilter",
    value: {
      filters: [
        {
          filterSpecifier: {
            case: "statusCodeFilter",
            value: {
              comparison: {
                op: ComparisonFilter_Op.GE,
                value: { defaultValue: 400, runtimeKey: "access_log.min_status" },
              },
            },
          },
        },
        // Of gRPC alone: to this filter whatever has no gRPC status has UNKNOWN.
        { filterSpecifier: { case: "andFilter", value: { filters: [isGrpc, isNotOk] } } },
      ],
    },
  },
};
