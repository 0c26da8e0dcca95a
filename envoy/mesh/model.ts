import type { SecretReference } from "../builders/secrets.ts";

/** What runs behind Envoy and how it may be reached: everything that listeners, routes, clusters and endpoints are made of. */
export interface MeshModel {
  readonly services: readonly MeshService[];
  readonly edge: EdgePolicy;
  /** The listener through which services call each other; absent: there is none. */
  readonly inside?: InsidePolicy;
  /** Who Envoy is to services and they to Envoy; absent: plain text, for a mesh that never leaves one machine. */
  readonly identity?: MeshIdentity;
  readonly tracing?: Tracing;
  /** What goes to Envoy's standard output; `errors`: status 400 and above. */
  readonly accessLog: "all" | "errors" | "off";
  /** Calls that carry this header may be repeated whatever their method: the service answers the same key once. */
  readonly idempotencyKeyHeader?: string;
  /** The longest deadline that a caller may ask for (milliseconds). */
  readonly maximumTimeoutMs: number;
}

export interface MeshService {
  /** Name of its clusters and of its endpoints. */
  readonly name: string;
  /** The URI in its certificate; only with `MeshModel.identity`. */
  readonly uri?: string;
  /** A path belongs to the first service that has its RPC service. */
  readonly rpcServices: readonly RpcService[];
  readonly instances: readonly Instance[];
  /**
   * Answered with 200 over HTTP/1.1 by an instance that takes requests; gRPC asks grpc.health.v1. Absent: the service speaks
   * gRPC alone, and gets neither Connect nor REST.
   */
  readonly readyPath?: string;
}

export interface Instance {
  readonly address: string;
  readonly port: number;
  /** Empty: none. */
  readonly zone: string;
  /** `draining`: gets no new requests and finishes those it has. */
  readonly state: "ready" | "draining";
}

/** A protobuf service, as far as a proxy is concerned. */
export interface RpcService {
  /** `package.Service`. */
  readonly typeName: string;
  readonly methods: readonly RpcMethod[];
}

export interface RpcMethod {
  readonly name: string;
  readonly access: Access;
  /** May be repeated: `idempotency_level` is NO_SIDE_EFFECTS or IDEMPOTENT. */
  readonly idempotent: boolean;
  /** Of a call that brings no deadline of its own (milliseconds). */
  readonly timeoutMs: number;
  /** Messages flow for as long as both sides like. */
  readonly streaming: boolean;
}

/**
 * Which token the edge asks for. `token`: a valid one. `optional`: a bad one is refused, none (or one in another place than
 * `Authorization: Bearer`) is the service's to judge. `public`: none is looked at. Services verify for themselves whatever
 * the edge did.
 */
export type Access = "token" | "optional" | "public";

export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

/** What the world may do. */
export interface EdgePolicy {
  readonly listen: ListenAddress;
  /** Its certificate; absent: plain text. */
  readonly certificate?: SecretReference;
  /** Who issues tokens; absent: the edge checks none, services do. */
  readonly jwt?: JwtProvider;
  /** Absent: what is no RPC of the model is answered with 404. */
  readonly rest?: RestPolicy;
  /** Paths that nobody outside may ask for, as prefixes of whole segments. */
  readonly refusedPaths: readonly string[];
  /** Answered by Envoy itself, for load balancers before it: 200, or 503 once it drains. */
  readonly healthPath: string;
  /** Origins of web pages that may call. */
  readonly allowedOrigins: readonly string[];
  /** Headers that a page's script may read, beside those of the RPC protocols. */
  readonly exposedHeaders: readonly string[];
  /** Headers that a page's script may send, beside those of the RPC protocols. */
  readonly allowedHeaders: readonly string[];
  /** Of every route on its own. */
  readonly rateLimit: RateLimit;
  /** Request headers that mean something inside only: what a client sends in them goes no further. */
  readonly strippedHeaders: readonly string[];
  /** The largest body or message of a call that does not stream (bytes). */
  readonly maxRequestBytes: number;
}

/** Everything at the edge that is no RPC path. */
export interface RestPolicy {
  /** The service that answers it. */
  readonly service: string;
  /** Its paths. Of two that fit a path, the one that asks for more counts. GET and HEAD of other paths may be repeated. */
  readonly routes: readonly RestRoute[];
  /** What paths below these prefixes (whole segments; the longest counts) need that are no route; elsewhere a token. */
  readonly prefixes: readonly { readonly prefix: string; readonly access: Access }[];
}

export interface RestRoute {
  /** `GET`; `*`: any. */
  readonly method: string;
  /** Literal segments, `*` for one segment and `**` for any rest: `/v1/orders/*:cancel`. */
  readonly path: string;
  readonly access: Access;
  readonly idempotent: boolean;
}

export interface RateLimit {
  readonly requestsPerSecond: number;
  /** What is let through at once after a pause. */
  readonly burst: number;
}

/** Tokens of this issuer for this audience, with an expiry. */
export interface JwtProvider {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: JwtKeys;
}

/** HS256 secrets (a token is good that one of them signed), or where the issuer publishes its public keys. */
export type JwtKeys = { readonly secrets: readonly string[] } | { readonly jwksUrl: string };

/** Which service may call which, by the URI in its certificate. */
export interface InsidePolicy {
  readonly listen: ListenAddress;
  readonly callers: readonly InsideCaller[];
  /** The service that callers ask for its health (grpc.health.v1), by name. */
  readonly health?: string;
}

export interface InsideCaller {
  readonly uri: string;
  /** Names of services. */
  readonly mayCall: readonly string[];
}

/** Envoy's own certificate and the authorities that vouch for others: files on its disk, so that no key travels over xDS. */
export interface MeshIdentity {
  readonly certificate: SecretReference;
  readonly authorities: SecretReference;
}

/** Where spans go: an OTLP/HTTP collector. */
export interface Tracing {
  /** Base URL, `http://127.0.0.1:4318`. */
  readonly collectorUrl: string;
  readonly serviceName: string;
  /** Part of the traces beginning here that are recorded, 0 to 1. */
  readonly sampleRatio: number;
}
