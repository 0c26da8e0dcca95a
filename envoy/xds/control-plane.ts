import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import type { Node } from "../gen/envoy/config/core/v3/base_pb.js";
import { ClusterDiscoveryService } from "../gen/envoy/service/cluster/v3/cds_pb.js";
import { AggregatedDiscoveryService } from "../gen/envoy/service/discovery/v3/ads_pb.js";
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequest,
  DiscoveryResponseSchema,
} from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import { EndpointDiscoveryService } from "../gen/envoy/service/endpoint/v3/eds_pb.js";
import { ExtensionConfigDiscoveryService } from "../gen/envoy/service/extension/v3/config_discovery_pb.js";
import { ListenerDiscoveryService } from "../gen/envoy/service/listener/v3/lds_pb.js";
import { RouteDiscoveryService } from "../gen/envoy/service/route/v3/rds_pb.js";
import { SecretDiscoveryService } from "../gen/envoy/service/secret/v3/sds_pb.js";
import { Connection, type NodeInfo } from "./connection.ts";
import { typeUrls } from "./resource-type.ts";
import { type Protocol, type Push, type Reply, Session, type TypeStatus } from "./session.ts";
import type { Snapshot } from "./snapshot.ts";
import { everyone, SnapshotCache } from "./snapshot-cache.ts";

/** What happens, for metrics and logs. `type` is a short label such as "cluster". */
export type ControlPlaneEvent =
  | { readonly kind: "connected" | "disconnected"; readonly node: NodeInfo; readonly protocol: Protocol }
  | {
      readonly kind: "pushed";
      readonly node: NodeInfo;
      readonly type: string;
      readonly version: string;
      readonly resources: number;
      readonly removed: number;
    }
  | { readonly kind: "acked"; readonly node: NodeInfo; readonly type: string; readonly version: string }
  | {
      readonly kind: "rejected";
      readonly node: NodeInfo;
      readonly type: string;
      readonly version: string;
      readonly reason: string;
      readonly names: readonly string[];
    }
  | { readonly kind: "stale"; readonly node: NodeInfo; readonly type: string };

/** The part of a pino logger that is used. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface ControlPlaneOptions {
  readonly log?: Log;
  /** Group of a client; what it throws refuses the client. Default: all are one group. */
  readonly nodeHash?: (node: Node | undefined) => string;
  /** What it throws ends the stream that the event is about, if that is still open. */
  readonly onEvent?: (event: ControlPlaneEvent) => void;
  /** How long an update of routes and listeners waits for a client that does not ask for a new cluster's endpoints. Default 5 s. */
  readonly patienceMs?: number;
  /** Names that one stream may ask for. Default 100,000. */
  readonly maxNames?: number;
  /** Epoch milliseconds. Default Date.now. */
  readonly now?: () => number;
}

/** One open stream. Times are epoch milliseconds. */
export interface NodeStatus {
  readonly node: NodeInfo;
  readonly group: string;
  readonly protocol: Protocol;
  readonly aggregated: boolean;
  readonly connectedSince: number;
  readonly types: readonly TypeStatus[];
}

export interface ControlPlane {
  /** Serves it from now on, to one group or to all clients without a snapshot of their own. Clients get what has changed. */
  setSnapshot(snapshot: Snapshot, group?: string): void;
  /** Drops a group's snapshot. False, and nothing done, while clients of the group are connected. */
  clearSnapshot(group?: string): boolean;
  status(): NodeStatus[];
  /** Registers ADS and the per-type discovery services on a Connect router: serve it over HTTP/2. */
  readonly routes: (router: ConnectRouter) => void;
  /** Ends every stream; Envoy keeps what it has and reconnects. */
  close(): void;
}

interface Open {
  node: NodeInfo;
  group: string;
  connectedSince: number;
  readonly protocol: Protocol;
  readonly aggregated: boolean;
  readonly session: Session;
  readonly setSource: (snapshot: Snapshot) => void;
  readonly close: (error: unknown) => void;
}

/** An xDS control plane: state of the world and delta, aggregated and one stream a type. */
export function createControlPlane(options: ControlPlaneOptions = {}): ControlPlane {
  const { log, nodeHash = () => everyone, onEvent, patienceMs = 5_000, maxNames = 100_000, now = Date.now } = options;
  const cache = new SnapshotCache();
  const streams = new Set<Open>();
  let closed = false;

  function serve<Request extends { node?: Node; typeUrl: string }, Response>(
    requests: AsyncIterable<Request>,
    context: HandlerContext,
    stream: {
      readonly protocol: Protocol;
      readonly typeUrl: string | undefined;
      readonly receive: (session: Session, request: Request) => Reply;
      readonly encode: (push: Push) => Response;
    },
  ): AsyncIterable<Response> {
    const { protocol, typeUrl } = stream;
    const aggregated = typeUrl === undefined;
    const session = new Session({ protocol, aggregated, now });
    const connection = new Connection<Request, Response>({
      session,
      patienceMs,
      maxNames,
      receive: (request) => stream.receive(session, withType(request, typeUrl)),
      encode: stream.encode,
      onNode(node) {
        open.node = describe(node);
        open.group = groupOf(node);
        open.connectedSince = now();
        streams.add(open);
        onEvent?.({ kind: "connected", node: open.node, protocol });
        log?.info({ node: open.node, protocol }, "xDS client connected");
        const snapshot = cache.get(open.group);
        if (snapshot !== undefined) connection.setSource(snapshot);
      },
      onReply: (reply) => report(open, reply),
      onPush: ({ type, version, resources, removed }) =>
        onEvent?.({
          kind: "pushed",
          node: open.node,
          type: type.label,
          version,
          resources: resources.length,
          removed: removed.length,
        }),
    });
    const open: Open = {
      node: describe(undefined),
      group: everyone,
      connectedSince: now(),
      protocol,
      aggregated,
      session,
      setSource: (snapshot) => connection.setSource(snapshot),
      close: (error) => connection.close(error),
    };
    // Also where nobody asks for the next response any more.
    const leave = () => {
      context.signal.removeEventListener("abort", abort);
      if (!streams.delete(open)) return;
      log?.info({ node: open.node, protocol }, "xDS client disconnected");
      try {
        onEvent?.({ kind: "disconnected", node: open.node, protocol });
      } catch (err) {
        log?.warn({ err, node: open.node }, "the callback failed for a client that is gone");
      }
    };
    const abort = () => {
      connection.close(new ConnectError("the client is gone", Code.Canceled));
      leave();
    };
    context.signal.addEventListener("abort", abort, { once: true });
    if (closed) connection.close(shutdown());

    async function* run(): AsyncGenerator<Response> {
      try {
        yield* connection.run(requests);
      } finally {
        leave();
      }
    }
    return run();
  }

  function groupOf(node: Node | undefined): string {
    try {
      return nodeHash(node);
    } catch (cause) {
      throw new ConnectError("this node has no place here", Code.InvalidArgument, undefined, undefined, cause);
    }
  }

  function report({ node }: Open, reply: Reply): void {
    const type = reply.type.label;
    if (reply.kind === "ack") onEvent?.({ kind: "acked", node, type, version: reply.version });
    else if (reply.kind === "stale") onEvent?.({ kind: "stale", node, type });
    else if (reply.kind === "nack") {
      const { version, reason, names } = reply.rejection;
      log?.warn({ node, type, version, reason, names }, "xDS client rejected a version");
      onEvent?.({ kind: "rejected", node, type, version, reason, names });
    }
  }

  const sotw = (typeUrl?: string) => (requests: AsyncIterable<DiscoveryRequest>, context: HandlerContext) =>
    serve(requests, context, {
      protocol: "sotw",
      typeUrl,
      receive: (session, request) => session.receiveSotw(request),
      encode: encodeSotw,
    });
  const delta = (typeUrl?: string) => (requests: AsyncIterable<DeltaDiscoveryRequest>, context: HandlerContext) =>
    serve(requests, context, {
      protocol: "delta",
      typeUrl,
      receive: (session, request) => session.receiveDelta(request),
      encode: encodeDelta,
    });

  return {
    setSnapshot(snapshot, group = everyone) {
      cache.set(snapshot, group);
      for (const stream of streams) if (cache.get(stream.group) === snapshot) stream.setSource(snapshot);
    },
    clearSnapshot(group = everyone) {
      if ([...streams].some((stream) => stream.group === group)) return false;
      cache.delete(group);
      return true;
    },
    status: () =>
      [...streams].map(({ node, group, protocol, aggregated, connectedSince, session }) => {
        return { node, group, protocol, aggregated, connectedSince, types: session.status() };
      }),
    routes(router) {
      router.service(AggregatedDiscoveryService, {
        streamAggregatedResources: sotw(),
        deltaAggregatedResources: delta(),
      });
      const { cluster, endpoint, listener, route, secret, extensionConfig } = typeUrls;
      router.service(ClusterDiscoveryService, { streamClusters: sotw(cluster), deltaClusters: delta(cluster) });
      router.service(EndpointDiscoveryService, { streamEndpoints: sotw(endpoint), deltaEndpoints: delta(endpoint) });
      router.service(ListenerDiscoveryService, { streamListeners: sotw(listener), deltaListeners: delta(listener) });
      router.service(RouteDiscoveryService, { streamRoutes: sotw(route), deltaRoutes: delta(route) });
      router.service(SecretDiscoveryService, { streamSecrets: sotw(secret), deltaSecrets: delta(secret) });
      router.service(ExtensionConfigDiscoveryService, {
        streamExtensionConfigs: sotw(extensionConfig),
        deltaExtensionConfigs: delta(extensionConfig),
      });
    },
    close() {
      closed = true;
      for (const stream of streams) stream.close(shutdown());
    },
  };
}

/** On a stream of one type the type may be left out; anywhere else it is needed. */
function withType<Request extends { typeUrl: string }>(request: Request, typeUrl: string | undefined): Request {
  if (request.typeUrl === "") {
    if (typeUrl === undefined) throw new ConnectError("type_url is required on this stream", Code.InvalidArgument);
    request.typeUrl = typeUrl;
  } else if (typeUrl !== undefined && request.typeUrl !== typeUrl) {
    throw new ConnectError(`this stream serves ${typeUrl} only`, Code.InvalidArgument);
  }
  return request;
}

function encodeSotw({ type, version, nonce, resources }: Push): MessageInitShape<typeof DiscoveryResponseSchema> {
  return { typeUrl: type.url, versionInfo: version, nonce, resources: resources.map(({ body }) => body) };
}

function encodeDelta(push: Push): MessageInitShape<typeof DeltaDiscoveryResponseSchema> {
  return {
    typeUrl: push.type.url,
    systemVersionInfo: push.version,
    nonce: push.nonce,
    resources: push.resources.map(({ name, version, body }) => ({ name, version, resource: body })),
    removedResources: [...push.removed],
  };
}

function describe(node: Node | undefined): NodeInfo {
  const version = node?.userAgentVersionType;
  const parts = version?.case === "userAgentBuildVersion" ? version.value.version : undefined;
  const text = parts ? `${parts.majorNumber}.${parts.minorNumber}.${parts.patch}` : version?.value;
  return {
    id: node?.id ?? "",
    cluster: node?.cluster ?? "",
    zone: node?.locality?.zone ?? "",
    userAgent: [node?.userAgentName, typeof text === "string" ? text : undefined].filter(Boolean).join(" "),
  };
}

function shutdown(): ConnectError {
  return new ConnectError("the control plane is closing", Code.Unavailable);
}
