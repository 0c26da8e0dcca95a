import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { packAny } from "../any.ts";
import type { TransportSocket } from "../gen/envoy/config/core/v3/base_pb.js";
import { type Listener, ListenerSchema } from "../gen/envoy/config/listener/v3/listener_pb.js";
import { TlsInspectorSchema } from "../gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import { ConnectionLimitSchema } from "../gen/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb.js";
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
} from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { type DownstreamTlsOptions, downstreamTlsSocket } from "./tls.ts";
import { milliseconds, socketAddress } from "./values.ts";

export interface ListenerOptions {
  readonly name: string;
  /** IP address to listen on. */
  readonly address: string;
  readonly port: number;
  /** @default none: plain text */
  readonly tls?: DownstreamTlsOptions;
  readonly http: HttpConnectionManager;
  /** @default 10,000: Envoy's guide for edge proxies; more are closed as they come */
  readonly maxConnections?: number;
  /** @default 32,768: Envoy's guide for edge proxies; what is kept in memory for a slow client */
  readonly bufferLimitBytes?: number;
}

/** A port where Envoy speaks HTTP/1.1 and HTTP/2. */
export function listener(options: ListenerOptions): Listener {
  const { name, address, port, tls, http, maxConnections = 10_000, bufferLimitBytes = 32 * 1024 } = options;
  const limit = packAny(ConnectionLimitSchema, {
    statPrefix: http.statPrefix,
    maxConnections: BigInt(maxConnections),
    // Whoever is refused and comes back at once costs more than one who waits a moment for the refusal.
    delay: milliseconds(1_000),
  });
  const typed = (filter: string, value: typeof limit) => ({
    name: filter,
    configType: { case: "typedConfig", value } as const,
  });
  return create(ListenerSchema, {
    name,
    address: socketAddress(address, port),
    perConnectionBufferLimitBytes: bufferLimitBytes,
    ...(tls === undefined ? {} : inspection),
    filterChains: [
      {
        filters: [
          typed("envoy.filters.network.connection_limit", limit),
          typed("envoy.filters.network.http_connection_manager", anyPack(HttpConnectionManagerSchema, http)),
        ],
        ...(tls === undefined ? {} : secured(downstreamTlsSocket(tls))),
      },
    ],
  });
}

/** Looks at the first bytes; whoever sends none is gone after five seconds, before a handshake has cost anything. */
const inspection = {
  listenerFilters: [
    {
      name: "envoy.filters.listener.tls_inspector",
      configType: { case: "typedConfig" as const, value: packAny(TlsInspectorSchema, {}) },
    },
  ],
  listenerFiltersTimeout: milliseconds(5_000),
};

function secured(transportSocket: TransportSocket) {
  // Whoever is slower than that is on no usable line, or means harm.
  return { transportSocket, transportSocketConnectTimeout: milliseconds(10_000) };
}
