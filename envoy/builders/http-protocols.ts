import type { MessageInitShape } from "@bufbuild/protobuf";
import { packAny } from "../any.ts";
import type { Http2ProtocolOptionsSchema } from "../gen/envoy/config/core/v3/protocol_pb.js";
import { HttpProtocolOptionsSchema } from "../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { milliseconds } from "./values.ts";

/** Envoy's guide for edge proxies: bounds the memory that one connection can make us keep. */
export const http2Limits = {
  maxConcurrentStreams: 100,
  initialStreamWindowSize: 64 * 1024,
  initialConnectionWindowSize: 1024 * 1024,
} as const satisfies MessageInitShape<typeof Http2ProtocolOptionsSchema>;

export interface UpstreamHttpOptions {
  /** What the endpoints speak: gRPC needs HTTP/2. Without TLS, HTTP/2 is spoken with prior knowledge (h2c). */
  readonly protocol: "http1" | "http2";
  /**
   * Closes a connection that carried nothing for so long.
   *
   * @default 4,000 with HTTP/1.1: Node closes after 5 s, and a request that meets the closing is lost; 3,600,000 with
   * HTTP/2, where GOAWAY says which requests were not taken
   */
  readonly idleTimeoutMs?: number;
}

/** Entry of a cluster's `typed_extension_protocol_options`. */
export function upstreamHttp({ protocol, idleTimeoutMs }: UpstreamHttpOptions) {
  const isHttp2 = protocol === "http2";
  const options = packAny(HttpProtocolOptionsSchema, {
    commonHttpProtocolOptions: { idleTimeout: milliseconds(idleTimeoutMs ?? (isHttp2 ? 3_600_000 : 4_000)) },
    upstreamProtocolOptions: {
      case: "explicitHttpConfig",
      value: { protocolConfig: isHttp2 ? http2() : { case: "httpProtocolOptions", value: {} } },
    },
  });
  return { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options };
}

function http2() {
  // A peer that vanished without closing is noticed within 35 s, not when the kernel gives up after minutes.
  const connectionKeepalive = { interval: milliseconds(30_000), timeout: milliseconds(5_000) };
  return { case: "http2ProtocolOptions", value: { ...http2Limits, connectionKeepalive } } as const;
}
