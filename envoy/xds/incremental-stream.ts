import type { Resource } from "./resource.ts";
import type { ResourceType } from "./resource-type.ts";
import { type Change, isResource, type Known, nonexistent, TypeStream, type View } from "./type-stream.ts";

/**
 * A response holds what has changed: delta, and state of the world where absence does not mean deletion (EDS, RDS, SDS).
 *
 * A rejected response with several resources is tried again in halves, so that one broken resource neither holds up its
 * neighbours nor is sent again before it changes.
 */
export class IncrementalStream extends TypeStream {
  readonly #canRemove: boolean;
  /** To be answered whatever the client has. */
  readonly #owed = new Set<string>();
  #owedAtAll = false;
  /** Version at which the client rejected a resource that was alone in its response. */
  readonly #rejected = new Map<string, string>();
  /** Names that were together in a rejected response, not tried in smaller company yet. */
  #suspects: (readonly string[])[] = [];

  constructor(type: ResourceType, protocol: "sotw" | "delta") {
    super(type);
    this.#canRemove = protocol === "delta";
  }

  /** State of the world: the names of a request replace those of the last one. */
  replace(names: readonly string[]): void {
    for (const name of this.subscription.replace(names)) this.forget(name);
    for (const name of this.known.keys()) if (!this.subscription.covers(name)) this.forget(name);
  }

  /**
   * State of the world: a request that came too late to count. A name it leaves out was dropped for a moment, and what the
   * client had of it is gone.
   */
  forgetAllBut(names: readonly string[]): void {
    if (this.subscription.wildcard) return;
    const left = new Set(names);
    for (const name of this.known.keys()) if (!left.has(name)) this.forget(name);
  }

  /** Delta. `initial` holds what the client has from an earlier stream; its first request alone carries it. */
  update(
    subscribe: readonly string[],
    unsubscribe: readonly string[],
    initial?: Readonly<Record<string, string>>,
  ): void {
    const { wildcard, names } = this.subscription;
    this.subscription.update(subscribe, unsubscribe, initial !== undefined);
    for (const [name, version] of Object.entries(initial ?? {})) {
      if (this.subscription.covers(name)) this.known.set(name, { name, version });
    }
    const isNew = this.subscription.wildcard && (initial !== undefined || !wildcard);
    // A client that waits for its first answer gets one, even an empty one; one that came with resources does not wait.
    if (isNew && this.known.size === 0) this.#owedAtAll = true;
    for (const name of subscribe) if (name !== "*" && initial?.[name] === undefined) this.#owed.add(name);
    for (const name of unsubscribe) {
      this.#owed.delete(name);
      // Only we know whether the wildcard still covers it.
      if (this.subscription.wildcard && names.has(name)) this.#owed.add(name);
    }
    for (const name of this.known.keys()) if (!this.subscription.covers(name)) this.forget(name);
  }

  override forget(name: string): void {
    super.forget(name);
    this.#rejected.delete(name);
  }

  protected override mayKeep(name: string): boolean {
    return super.mayKeep(name) && !this.#owed.has(name);
  }

  change(view: View, version: string): Change | undefined {
    this.#prune(view);
    const pending = this.#pending(view);
    const removed = this.#removed(view);
    const suspects = new Set(this.#suspects.flat());
    const fresh = [...pending.values()].filter(({ name }) => !suspects.has(name));
    if (fresh.length > 0 || removed.length > 0 || this.#owedAtAll) return { version, resources: fresh, removed };
    for (const group of this.#suspects) {
      const resources = group.flatMap((name) => pending.get(name) ?? []);
      if (resources.length > 0) return { version, resources, removed };
    }
    return undefined;
  }

  isRejecting(view: View): boolean {
    return [...this.#rejected].some(([name, version]) => view.get(name)?.version === version);
  }

  offered(): Iterable<Known> {
    const { resources = [], removed = [] } = this.outstanding ?? {};
    const offered = new Map(this.known);
    for (const resource of resources) offered.set(resource.name, resource);
    for (const name of removed) offered.delete(name);
    return offered.values();
  }

  override send(change: Change, nonce: string): void {
    super.send(change, nonce);
    this.#owedAtAll = false;
    for (const { name } of change.resources) this.#owed.delete(name);
    for (const name of change.removed) this.#owed.delete(name);
  }

  protected apply(change: Change): void {
    this.#applyRemoved(change);
    this.#clear(change.resources);
    for (const resource of change.resources) {
      this.#rejected.delete(resource.name);
      if (this.subscription.covers(resource.name)) this.known.set(resource.name, resource);
    }
  }

  protected refuse(change: Change): void {
    // Rejected for its resources: Envoy has removed these all the same, others have not, so they are told once more.
    if (change.resources.length === 0) this.#applyRemoved(change);
    else for (const name of change.removed) this.#owed.add(name);
    this.#clear(change.resources);
    const names = change.resources.map((resource) => resource.name);
    const [only] = change.resources;
    if (only !== undefined && names.length === 1) this.#rejected.set(only.name, only.version);
    const middle = Math.ceil(names.length / 2);
    if (names.length > 1) this.#suspects.unshift(names.slice(0, middle), names.slice(middle));
  }

  #pending(view: View): Map<string, Resource> {
    const pending = new Map<string, Resource>();
    for (const [name, entry] of view) {
      if (!isResource(entry)) continue;
      const isNew = this.known.get(name)?.version !== entry.version && this.#rejected.get(name) !== entry.version;
      if (isNew || this.#owed.has(name)) pending.set(name, entry);
    }
    return pending;
  }

  #removed(view: View): string[] {
    if (!this.#canRemove) return [];
    const candidates = new Set([...this.known.keys()].filter((name) => this.existing(name) !== undefined));
    for (const name of this.#owed) candidates.add(name);
    return [...candidates].filter((name) => !view.has(name));
  }

  #prune(view: View): void {
    for (const name of this.#rejected.keys()) if (!view.has(name)) this.#rejected.delete(name);
    if (this.#canRemove) return;
    // State of the world cannot say that these are gone; should they come back, they are sent again.
    for (const name of this.known.keys()) if (!view.has(name)) this.known.delete(name);
  }

  #applyRemoved(change: Change): void {
    for (const name of change.removed) {
      if (this.subscription.names.has(name)) this.known.set(name, { name, version: nonexistent });
      else this.known.delete(name);
      this.#rejected.delete(name);
    }
  }

  /** These have been tried. */
  #clear(resources: readonly Resource[]): void {
    if (this.#suspects.length === 0) return;
    const tried = new Set(resources.map((resource) => resource.name));
    this.#suspects = this.#suspects
      .map((group) => group.filter((name) => !tried.has(name)))
      .filter((g) => g.length > 0);
  }
}
