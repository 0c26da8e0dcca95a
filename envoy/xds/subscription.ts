const wildcardName = "*";

/**
 * What one client wants of one type, by the rules of xds_protocol.rst, "How the client specifies what resources to return":
 * no name ever given means everything where the type allows that (legacy wildcard), `*` says so in words, and once a name
 * has been given an empty list means nothing.
 */
export class Subscription {
  #wildcard: boolean;
  #named = false;
  #names: ReadonlySet<string> = new Set();

  constructor(legacyWildcard: boolean) {
    this.#wildcard = legacyWildcard;
  }

  get wildcard(): boolean {
    return this.#wildcard;
  }

  get names(): ReadonlySet<string> {
    return this.#names;
  }

  covers(name: string): boolean {
    return this.#wildcard || this.#names.has(name);
  }

  /** State of the world: the list replaces the last one. Returns what was not in that one, `*` included. */
  replace(list: readonly string[]): readonly string[] {
    if (list.length === 0 && !this.#named) return [];
    this.#named = true;
    const before = this.#names;
    const wasWildcard = this.#wildcard;
    this.#wildcard = list.includes(wildcardName);
    this.#names = new Set(list.filter((name) => name !== wildcardName));
    const added = [...this.#names].filter((name) => !before.has(name));
    return this.#wildcard && !wasWildcard ? [wildcardName, ...added] : added;
  }

  /** Delta: adds and drops names. Phantom ones do no harm. A legacy wildcard goes on until `*` is dropped. */
  update(subscribe: readonly string[], unsubscribe: readonly string[], first: boolean): void {
    if (first && (subscribe.length > 0 || unsubscribe.length > 0)) this.#wildcard = false;
    if (subscribe.length > 0) this.#named = true;
    const names = new Set(this.#names);
    for (const name of subscribe) names.add(name);
    for (const name of unsubscribe) names.delete(name);
    if (subscribe.includes(wildcardName)) this.#wildcard = true;
    if (unsubscribe.includes(wildcardName)) this.#wildcard = false;
    names.delete(wildcardName);
    this.#names = names;
  }
}
