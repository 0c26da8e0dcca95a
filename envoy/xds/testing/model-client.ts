import { typeUrls } from "../resource-type.ts";
import { type Protocol, type Push, Session } from "../session.ts";
import type { Snapshot } from "../snapshot.ts";

interface TypeState {
  /** "*" stands for the wildcard. */
  readonly names: Set<string>;
  /** What the client uses: version of each resource, as sent. */
  readonly has: Map<string, string>;
  version: string;
  nonce: string;
}

export interface ModelOptions {
  readonly protocol: Protocol;
  /** Versions of resources that the client rejects. */
  readonly rejects: (version: string) => boolean;
  /** Envoy: wildcard for clusters and listeners, asks for the endpoints and routes that these refer to. */
  readonly followsReferences: boolean;
}

type Message = (session: Session) => void;

const children: ReadonlyMap<string, string> = new Map([
  [typeUrls.cluster, typeUrls.endpoint],
  [typeUrls.listener, typeUrls.route],
]);

/**
 * An xDS client by the book, with a network between it and the session that the test moves message by message: requests and
 * responses overtake each other as they do in life.
 */
export class ModelClient {
  readonly #options: ModelOptions;
  readonly #types = new Map<string, TypeState>();
  /** What the cluster or listener at the client refers to. */
  readonly #references = new Map<string, readonly string[]>();
  #session: Session;
  #toServer: Message[] = [];
  #toClient: Push[] = [];
  #spoken = new Set<string>();
  /** Requests for clusters that wait until no cluster is warming. */
  #paused: (() => void)[] = [];
  /** Clusters that wait for their endpoints. */
  readonly warming = new Set<string>();
  /** Clusters that have had endpoints since they were added; a changed one serves as it was until it is warm. */
  readonly ready = new Set<string>();
  rejections = 0;
  responses = 0;

  constructor(options: ModelOptions, snapshot: Snapshot | undefined) {
    this.#options = options;
    this.#session = this.#newSession(snapshot);
    if (options.followsReferences) for (const type of children.keys()) this.subscribe(type, "*");
  }

  get busy(): boolean {
    return this.#toServer.length > 0 || this.#toClient.length > 0;
  }

  get session(): Session {
    return this.#session;
  }

  has(type: string): ReadonlyMap<string, string> {
    return this.#state(type).has;
  }

  names(type: string): ReadonlySet<string> {
    return this.#state(type).names;
  }

  setSnapshot(snapshot: Snapshot): void {
    this.#session.source = snapshot;
  }

  subscribe(type: string, ...names: readonly string[]): void {
    const state = this.#state(type);
    for (const name of names) state.names.add(name);
    this.#request(type, { subscribe: names });
  }

  unsubscribe(type: string, ...names: readonly string[]): void {
    const state = this.#state(type);
    const dropped = names.filter((name) => state.names.delete(name));
    if (dropped.length === 0) return;
    this.#dropUnwanted(state);
    this.#request(type, { unsubscribe: dropped });
  }

  /** Without waiting for an answer to anything. */
  reconnect(snapshot: Snapshot | undefined): void {
    this.#session = this.#newSession(snapshot);
    this.#toServer = [];
    this.#toClient = [];
    this.#spoken = new Set();
    this.#paused = [];
    for (const [type, state] of this.#types) {
      state.nonce = "";
      if (state.names.size > 0) this.#request(type, { subscribe: [...state.names] });
    }
  }

  /** The server reads one request. */
  deliverRequest(): void {
    this.#toServer.shift()?.(this.#session);
  }

  /** The server sends what it has to send, if anything. */
  pull(): boolean {
    const push = this.#session.next();
    if (push === undefined) return false;
    this.#toClient.push(push);
    return true;
  }

  /** The client reads one response and answers it. */
  deliverResponse(): void {
    const push = this.#toClient.shift();
    if (push === undefined) return;
    this.responses += 1;
    const names = push.resources.map(({ name }) => name);
    if (new Set(names).size < names.length) throw new Error("a response names a resource twice");
    const state = this.#state(push.type.url);
    state.nonce = push.nonce;
    const bad = push.resources.filter(({ version }) => this.#options.rejects(version)).map(({ name }) => name);
    if (bad.length > 0) {
      this.rejections += 1;
      // Envoy does not wait for what it cannot use.
      if (push.type.url === typeUrls.endpoint) for (const name of names) this.#warm(name, false);
      this.#request(push.type.url, { error: `cannot use ${bad.join(", ")}` });
      return;
    }
    this.#apply(push, state);
    state.version = push.version;
    this.#request(push.type.url, {});
    this.#follow(push);
  }

  #apply({ type, resources, removed }: Push, state: TypeState): void {
    const wanted = resources.filter(({ name }) => state.names.has("*") || state.names.has(name));
    const isFull = this.#options.protocol === "sotw" && type.fullState;
    const gone = isFull ? [...state.has.keys()].filter((name) => !wanted.some((r) => r.name === name)) : removed;
    for (const name of gone) {
      state.has.delete(name);
      if (type.url === typeUrls.cluster) {
        this.warming.delete(name);
        this.ready.delete(name);
      }
      this.#references.delete(`${type.url} ${name}`);
      if (type.url === typeUrls.endpoint) this.#warm(name, false);
    }
    for (const { name, version, references } of wanted) {
      const isNew = state.has.get(name) !== version;
      state.has.set(name, version);
      this.#references.set(
        `${type.url} ${name}`,
        references.map((reference) => reference.name),
      );
      if (type.url === typeUrls.cluster && isNew) this.warming.add(name);
      if (type.url === typeUrls.endpoint) this.#warm(name, true);
    }
  }

  #warm(endpoints: string, works: boolean): void {
    for (const name of this.warming) {
      if (!this.#references.get(`${typeUrls.cluster} ${name}`)?.includes(endpoints)) continue;
      this.warming.delete(name);
      if (works) this.ready.add(name);
    }
    this.#resume();
  }

  /** Envoy waits for endpoints for a while only (initial_fetch_timeout, 15 s). */
  giveUpWarming(): void {
    this.warming.clear();
    this.#resume();
  }

  #resume(): void {
    if (this.warming.size > 0) return;
    for (const request of this.#paused.splice(0)) request();
  }

  /** As Envoy does: asks for what its clusters and listeners refer to now, and lets go of the rest. */
  #follow({ type }: Push): void {
    const child = children.get(type.url);
    if (!this.#options.followsReferences || child === undefined) return;
    const parents = [...this.#state(type.url).has.keys()];
    const needed = new Set(parents.flatMap((name) => this.#references.get(`${type.url} ${name}`) ?? []));
    const before = this.#state(child).names;
    const added = [...needed].filter((name) => !before.has(name));
    const dropped = [...before].filter((name) => !needed.has(name));
    this.unsubscribe(child, ...dropped);
    if (added.length > 0) this.subscribe(child, ...added);
  }

  #request(
    type: string,
    what: { readonly subscribe?: readonly string[]; readonly unsubscribe?: readonly string[]; readonly error?: string },
  ): void {
    // Envoy acknowledges clusters, and asks for them, only while none is warming.
    if (this.#options.followsReferences && type === typeUrls.cluster && this.warming.size > 0) {
      this.#paused.push(() => this.#request(type, what));
      return;
    }
    const state = this.#state(type);
    const { nonce: responseNonce, version: versionInfo } = state;
    const errorDetail = what.error === undefined ? undefined : { message: what.error };
    const first = !this.#spoken.has(type);
    this.#spoken.add(type);
    if (this.#options.protocol === "sotw") {
      const resourceNames = [...state.names];
      const request = { typeUrl: type, versionInfo, resourceNames, responseNonce, errorDetail };
      this.#toServer.push((session) => session.receiveSotw(request));
      return;
    }
    const { subscribe = [], unsubscribe = [] } = what;
    const request = {
      typeUrl: type,
      resourceNamesSubscribe: subscribe,
      resourceNamesUnsubscribe: unsubscribe,
      initialResourceVersions: first ? Object.fromEntries(state.has) : {},
      // Only an answer to a response carries its nonce.
      responseNonce: what.subscribe || what.unsubscribe ? "" : responseNonce,
      errorDetail,
    };
    this.#toServer.push((session) => session.receiveDelta(request));
  }

  #dropUnwanted(state: TypeState): void {
    if (state.names.has("*")) return;
    for (const name of state.has.keys()) if (!state.names.has(name)) state.has.delete(name);
  }

  #state(type: string): TypeState {
    const state = this.#types.get(type) ?? { names: new Set(), has: new Map(), version: "", nonce: "" };
    this.#types.set(type, state);
    return state;
  }

  #newSession(snapshot: Snapshot | undefined): Session {
    const session = new Session({ protocol: this.#options.protocol, aggregated: true, now: () => 0 });
    if (snapshot !== undefined) session.source = snapshot;
    return session;
  }
}
