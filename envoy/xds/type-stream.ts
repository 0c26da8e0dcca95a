import type { Resource } from "./resource.ts";
import type { ResourceType } from "./resource-type.ts";
import { Subscription } from "./subscription.ts";

/** What a client is about to be told of one type. */
export interface Change {
  /** Version of everything the client will have once it has accepted this. */
  readonly version: string;
  readonly resources: readonly Resource[];
  /** Names that do not, or no longer, exist. */
  readonly removed: readonly string[];
}

/** What a client has: sent by us, or a name and a version it told us of. */
export type Known = Resource | { readonly name: string; readonly version: string };

export function isResource(known: Known): known is Resource {
  return "body" in known;
}

/** Everything a client should have of one type: wanted by it, and there. */
export type View = ReadonlyMap<string, Known>;

/** Version of a name that the client knows not to exist. */
export const nonexistent = "";

export interface Rejection {
  readonly version: string;
  readonly reason: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Names of the resources in the rejected response. */
  readonly names: readonly string[];
}

/**
 * One type on one stream: what the client wants, what it has, and what is on its way. At most one response is on its way;
 * whatever changes meanwhile goes into the next one, so a slow client costs no memory.
 */
export abstract class TypeStream {
  readonly type: ResourceType;
  readonly subscription: Subscription;
  /** Sent, and neither acknowledged nor rejected yet. */
  outstanding: (Change & { readonly nonce: string }) | undefined;
  lastNonce: string | undefined;
  accepted: { readonly version: string; readonly at: number } | undefined;
  lastRejection: Rejection | undefined;
  protected known = new Map<string, Known>();
  /** Forgotten while a response with it is on its way. */
  readonly #forgotten = new Set<string>();

  constructor(type: ResourceType) {
    this.type = type;
    this.subscription = new Subscription(type.legacyWildcard);
  }

  /**
   * With `keep`, resources that are gone stay as the client has them, to be removed later. Returns `all` itself where that is
   * the view: its version is known.
   */
  view(all: ReadonlyMap<string, Resource>, keep: boolean): View {
    const kept = keep ? [...this.known.values()].filter(({ name }) => !all.has(name) && this.mayKeep(name)) : [];
    if (this.subscription.wildcard && kept.length === 0) return all;
    const view = new Map<string, Known>(kept.map((known) => [known.name, known]));
    for (const name of this.subscription.wildcard ? all.keys() : this.subscription.names) {
      const resource = all.get(name);
      if (resource !== undefined) view.set(name, resource);
    }
    return kept.length === 0 && view.size === all.size ? all : view;
  }

  protected mayKeep(name: string): boolean {
    return this.subscription.covers(name) && this.existing(name) !== undefined;
  }

  /** What the client has by this name. */
  existing(name: string): Known | undefined {
    const known = this.known.get(name);
    return known?.version === nonexistent ? undefined : known;
  }

  /** What the client has once it has taken what is on its way. */
  abstract offered(): Iterable<Known>;

  /** The client has dropped it, whatever it still names, or waits for it anew: it is sent again. */
  forget(name: string): void {
    this.known.delete(name);
    if (this.outstanding !== undefined) this.#forgotten.add(name);
  }

  /** The next response, or undefined while there is nothing new or only what has been rejected. */
  abstract change(view: View, version: string): Change | undefined;

  /** The client has rejected part of the view, and that part has not changed since. */
  abstract isRejecting(view: View, version: string): boolean;

  send(change: Change, nonce: string): void {
    this.outstanding = { ...change, nonce };
    this.lastNonce = nonce;
  }

  accept(at: number): void {
    if (this.outstanding === undefined) return;
    const change = this.outstanding;
    this.outstanding = undefined;
    this.accepted = { version: change.version, at };
    this.apply(change);
    this.#forgetAgain();
  }

  reject(reason: string, at: number): void {
    if (this.outstanding === undefined) return;
    const change = this.outstanding;
    this.outstanding = undefined;
    const names = change.resources.map((resource) => resource.name);
    this.lastRejection = { version: change.version, reason, at, names };
    this.refuse(change);
    this.#forgetAgain();
  }

  #forgetAgain(): void {
    for (const name of this.#forgotten) this.forget(name);
    this.#forgotten.clear();
  }

  protected abstract apply(change: Change): void;
  protected abstract refuse(change: Change): void;
}
