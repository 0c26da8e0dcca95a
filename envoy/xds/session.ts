import { FullStateStream } from "./full-state-stream.ts";
import { IncrementalStream } from "./incremental-stream.ts";
import { type Resource, type ResourceSource, versionOf } from "./resource.ts";
import { type ResourceType, resourceType, typeUrls } from "./resource-type.ts";
import { type Change, isResource, type Known, type Rejection, type TypeStream, type View } from "./type-stream.ts";

export type Protocol = "sotw" | "delta";

/** Part of envoy.service.discovery.v3.DiscoveryRequest. */
export interface SotwRequest {
  readonly typeUrl: string;
  readonly versionInfo: string;
  readonly resourceNames: readonly string[];
  readonly responseNonce: string;
  readonly errorDetail?: { readonly message: string };
}

/** Part of envoy.service.discovery.v3.DeltaDiscoveryRequest. */
export interface DeltaRequest {
  readonly typeUrl: string;
  readonly resourceNamesSubscribe: readonly string[];
  readonly resourceNamesUnsubscribe: readonly string[];
  readonly initialResourceVersions: Readonly<Record<string, string>>;
  readonly responseNonce: string;
  readonly errorDetail?: { readonly message: string };
}

/** A response to send; a state-of-the-world response has no room for `removed`. */
export interface Push extends Change {
  readonly type: ResourceType;
  readonly nonce: string;
}

/** What a request meant. */
export type Reply =
  | { readonly kind: "request"; readonly type: ResourceType }
  | { readonly kind: "stale"; readonly type: ResourceType }
  | { readonly kind: "ack"; readonly type: ResourceType; readonly version: string }
  | { readonly kind: "nack"; readonly type: ResourceType; readonly rejection: Rejection };

/** How a client stands with one type. Times are epoch milliseconds. */
export interface TypeStatus {
  readonly typeUrl: string;
  /** "*" or the number of names asked for. */
  readonly subscribed: "*" | number;
  /** The version it should have; undefined while there is no snapshot for it. */
  readonly version: string | undefined;
  readonly acked: { readonly version: string; readonly at: number } | undefined;
  /** It has everything, and uses it. */
  readonly inSync: boolean;
  /** A response is on its way. */
  readonly pending: boolean;
  /** Part of what it should have is rejected, for the reason of `lastNack`. */
  readonly rejecting: boolean;
  readonly lastNack: Rejection | undefined;
}

export interface SessionOptions {
  readonly protocol: Protocol;
  /** Several types on one stream: they are put in make-before-break order. */
  readonly aggregated: boolean;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Types whose resources are asked for because of another type's, and that type. */
const parents: ReadonlyMap<string, string> = new Map([
  [typeUrls.endpoint, typeUrls.cluster],
  [typeUrls.route, typeUrls.listener],
]);

/**
 * One xDS stream, without I/O and timers: requests go in, responses are pulled out as fast as the client takes them.
 *
 * An aggregated stream makes before it breaks. Types are sent in the order of `resource-type.ts`. Listeners and routes wait
 * until the client has acknowledged clusters and endpoints: Envoy acknowledges clusters when they are warm, which takes
 * their endpoints, so these do not wait for it. Clusters, endpoints and secrets that are gone are removed once every
 * listener and route has been accepted, so that no route ever leads to a cluster that is not there.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #streams = new Map<string, FullStateStream | IncrementalStream>();
  #source: ResourceSource | undefined;
  /** Endpoints that clusters on their way refer to: the client cannot go on without them, be they gone meanwhile or not. */
  readonly #promised = new Map<string, Resource>();
  #nonce = 0;
  #waiting = false;
  #patient = true;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** The newest snapshot for this client; nothing is answered before there is one. */
  set source(source: ResourceSource) {
    this.#source = source;
  }

  /** Types are held back because the client has not done yet what should follow from earlier ones. */
  get waiting(): boolean {
    return this.#waiting && this.#patient;
  }

  /** Gives up waiting, until the client has caught up. Call it when `waiting` has lasted too long. */
  proceed(): void {
    this.#patient = false;
  }

  /** How many names the client has asked for. */
  get size(): number {
    return this.#streams.values().reduce((sum, { subscription }) => sum + subscription.names.size + 1, 0);
  }

  receiveSotw(request: SotwRequest): Reply {
    const { typeUrl, resourceNames, responseNonce, versionInfo } = request;
    const opened = this.#streams.get(typeUrl);
    const stream = opened ?? this.#open(typeUrl);
    const { type } = stream;
    if (responseNonce !== "" && stream.lastNonce !== undefined && responseNonce !== stream.lastNonce) {
      if (stream instanceof IncrementalStream) stream.forgetAllBut(resourceNames);
      return { kind: "stale", type };
    }
    // Other types are answered: their clients may wait for endpoints or routes of something that is warming.
    if (opened === undefined && stream instanceof FullStateStream && versionInfo !== "") {
      stream.claim(versionInfo, this.#options.now());
    }
    const reply = this.#settle(stream, responseNonce, request.errorDetail?.message);
    stream.replace(resourceNames);
    return reply;
  }

  receiveDelta(request: DeltaRequest): Reply {
    const { typeUrl, resourceNamesSubscribe, resourceNamesUnsubscribe, initialResourceVersions } = request;
    const opened = this.#streams.get(typeUrl);
    const stream = opened ?? this.#open(typeUrl);
    // A stale nonce settles nothing, but names count all the same.
    const reply = this.#settle(stream, request.responseNonce, request.errorDetail?.message);
    if (stream instanceof IncrementalStream) {
      stream.update(resourceNamesSubscribe, resourceNamesUnsubscribe, opened ? undefined : initialResourceVersions);
    }
    return reply;
  }

  /** The next response for the client, of the newest snapshot, or undefined until something happens. */
  next(): Push | undefined {
    this.#waiting = false;
    const source = this.#source;
    if (source === undefined) return undefined;
    const keep = this.#keeps(source);
    let isSupplied = true;
    for (const type of this.#types()) {
      if (!isSupplied && !type.removedLast && this.#options.aggregated && this.#patient) return undefined;
      const stream = this.#streams.get(type.url);
      const change = stream && this.#changeFor(stream, source, keep);
      if (stream !== undefined && change !== undefined) {
        if (!this.#breaksUsers(stream, change, source)) return this.#send(stream, change, source);
        this.#waiting = true;
      } else if (!this.#isSettled(type, source, keep)) {
        this.#waiting = true;
        if (type.removedLast) isSupplied = false;
      }
    }
    if (!this.#waiting && this.#types().every((type) => this.#unasked(type, source).length === 0)) this.#patient = true;
    return undefined;
  }

  status(): TypeStatus[] {
    return this.#subscribedTypes().map((type) => this.#statusOf(type));
  }

  #open(typeUrl: string): FullStateStream | IncrementalStream {
    const type = resourceType(typeUrl);
    const { protocol } = this.#options;
    const stream =
      type.fullState && protocol === "sotw" ? new FullStateStream(type) : new IncrementalStream(type, protocol);
    this.#streams.set(typeUrl, stream);
    return stream;
  }

  #settle(stream: TypeStream, nonce: string, error: string | undefined): Reply {
    const { type, outstanding } = stream;
    if (outstanding === undefined || nonce !== outstanding.nonce) return { kind: "request", type };
    const now = this.#options.now();
    if (type.url === typeUrls.cluster) this.#promised.clear();
    if (error !== undefined) {
      stream.reject(error, now);
      return { kind: "nack", type, rejection: stream.lastRejection as Rejection };
    }
    stream.accept(now);
    return { kind: "ack", type, version: outstanding.version };
  }

  #changeFor(stream: TypeStream, source: ResourceSource, keep: boolean): Change | undefined {
    if (stream.outstanding !== undefined || this.#isHeld(stream, source)) return undefined;
    return stream.change(...this.#view(stream, source, keep));
  }

  /**
   * To a client that comes back and names a cluster which is gone, a full state without it is a removal: its routes are told
   * first to leave it.
   */
  #breaksUsers(stream: TypeStream, change: Change, source: ResourceSource): boolean {
    const { type, subscription } = stream;
    if (!this.#options.aggregated || !this.#patient) return false;
    if (!(stream instanceof FullStateStream) || !type.removedLast || subscription.wildcard) return false;
    const sent = new Set(change.resources.map(({ name }) => name));
    if ([...subscription.names].every((name) => sent.has(name))) return false;
    return this.#types().some((user) => !user.removedLast && !this.#isSettled(user, source, true));
  }

  #send(stream: TypeStream, change: Change, source: ResourceSource): Push {
    this.#nonce += 1;
    const nonce = String(this.#nonce);
    if (stream.type.url === typeUrls.cluster) this.#promiseEndpoints(stream, change, source);
    stream.send(change, nonce);
    return { ...change, nonce, type: stream.type };
  }

  /** A client that gets a new or changed cluster waits for endpoints, and be it those that it has. */
  #promiseEndpoints(clusters: TypeStream, change: Change, source: ResourceSource): void {
    const endpoints = source.resources(typeUrls.endpoint);
    for (const cluster of change.resources) {
      if (clusters.existing(cluster.name)?.version === cluster.version) continue;
      for (const name of endpointsOf(cluster)) {
        this.#streams.get(typeUrls.endpoint)?.forget(name);
        const resource = endpoints.get(name);
        if (resource !== undefined) this.#promised.set(name, resource);
      }
    }
  }

  #available(type: ResourceType, source: ResourceSource): ReadonlyMap<string, Resource> {
    const all = source.resources(type.url);
    if (type.url !== typeUrls.endpoint || this.#promised.keys().every((name) => all.has(name))) return all;
    return new Map([...this.#promised, ...all]);
  }

  #view(stream: TypeStream, source: ResourceSource, keep: boolean): readonly [View, string] {
    const view = stream.view(this.#available(stream.type, source), keep && stream.type.removedLast);
    const isAll = view === source.resources(stream.type.url);
    return [view, isAll ? source.version(stream.type.url) : versionOf(view)];
  }

  /** What is gone stays for now: the client may still use it. */
  #keeps(source: ResourceSource): boolean {
    if (!this.#options.aggregated) return false;
    return this.#types().some((type) => {
      const stream = this.#streams.get(type.url);
      // A removal from a full state would send again what has been rejected.
      if (type.removedLast && !(stream instanceof FullStateStream)) return false;
      if (stream?.isRejecting(...this.#view(stream, source, true))) return true;
      return !type.removedLast && !this.#isSettled(type, source, true);
    });
  }

  /** The client has all there is of it, has said so, and has asked for everything that it should ask for. */
  #isSettled(type: ResourceType, source: ResourceSource, keep: boolean): boolean {
    if (this.#patient && this.#unasked(type, source).length > 0) return false;
    const stream = this.#streams.get(type.url);
    if (stream === undefined) return true;
    if (stream.outstanding !== undefined) return false;
    return stream.change(...this.#view(stream, source, keep)) === undefined;
  }

  /** More requests are on their way; together they can be answered at once. */
  #isHeld(stream: TypeStream, source: ResourceSource): boolean {
    return this.#options.protocol === "sotw" && this.#patient && this.#unasked(stream.type, source).length > 0;
  }

  /** Names that a client with a wildcard for the parent type must ask for, and has not. */
  #unasked(type: ResourceType, source: ResourceSource): string[] {
    const parentUrl = parents.get(type.url);
    const parent = parentUrl === undefined ? undefined : this.#streams.get(parentUrl);
    if (!this.#options.aggregated || parent === undefined || !parent.subscription.wildcard) return [];
    const subscription = this.#streams.get(type.url)?.subscription;
    const available = this.#available(type, source);
    const needed = new Set<string>();
    for (const offered of parent.offered()) {
      // Told of by the client itself, it is the one that we know if the version is the same.
      const ours = source.resources(parent.type.url).get(offered.name);
      const resource = isResource(offered) ? offered : ours?.version === offered.version ? ours : undefined;
      for (const { typeUrl, name } of resource?.references ?? []) if (typeUrl === type.url) needed.add(name);
    }
    return [...needed].filter((name) => available.has(name) && !subscription?.covers(name));
  }

  #subscribedTypes(): ResourceType[] {
    return [...this.#streams.values()].map((stream) => stream.type).sort((a, b) => a.rank - b.rank);
  }

  /** Those on the stream, and those that the client has yet to ask for. */
  #types(): ResourceType[] {
    const urls = new Set([...this.#streams.keys(), ...parents.keys()]);
    return [...urls].map(resourceType).sort((a, b) => a.rank - b.rank);
  }

  #statusOf(type: ResourceType): TypeStatus {
    const stream = this.#streams.get(type.url) as TypeStream;
    const { subscription, accepted, outstanding, lastRejection } = stream;
    const source = this.#source;
    const [view, version] = source === undefined ? [undefined, undefined] : this.#view(stream, source, false);
    const rejecting = view !== undefined && stream.isRejecting(view, version);
    const settled = source !== undefined && this.#isSettled(type, source, false);
    return {
      typeUrl: type.url,
      subscribed: subscription.wildcard ? "*" : subscription.names.size,
      version,
      acked: accepted,
      inSync: settled && !rejecting,
      pending: outstanding !== undefined,
      rejecting,
      lastNack: lastRejection,
    };
  }
}

function endpointsOf(known: Known): string[] {
  if (!isResource(known)) return [];
  return known.references.filter(({ typeUrl }) => typeUrl === typeUrls.endpoint).map(({ name }) => name);
}
