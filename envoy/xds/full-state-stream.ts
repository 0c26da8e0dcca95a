import { type Change, isResource, type Known, TypeStream, type View } from "./type-stream.ts";

/**
 * State of the world where absence means deletion (LDS, CDS): every response holds everything, and the client takes or
 * rejects it as one version.
 */
export class FullStateStream extends TypeStream {
  /** Version last sent, or the one the client came with. */
  #sent: string | undefined;
  #rejected: string | undefined;
  #claimed: { readonly version: string; readonly at: number } | undefined;
  /** An answer is owed though nothing may have changed: to the first request, and to names newly asked for. */
  #owed = true;

  /**
   * Version that the client has from an earlier stream: nothing is sent to a wildcard where it is still the current one. By
   * names alone a client may have dropped and wanted again what it had, and wait for it.
   */
  claim(version: string, at: number): void {
    this.#claimed = { version, at };
  }

  /** The names of a request replace those of the last one. */
  replace(names: readonly string[]): void {
    if (this.subscription.replace(names).length > 0) this.#owed = true;
    for (const name of this.known.keys()) if (!this.subscription.covers(name)) this.known.delete(name);
  }

  change(view: View, version: string): Change | undefined {
    if (this.#claimed?.version === version && this.subscription.names.size === 0) {
      this.accepted = this.#claimed;
      this.#sent = version;
      this.#owed = false;
      this.known = new Map(view);
    }
    this.#claimed = undefined;
    if (!this.#owed && this.#sent === version) return undefined;
    return { version, resources: [...view.values()].filter(isResource), removed: [] };
  }

  isRejecting(_view: View, version: string): boolean {
    return this.#rejected === version;
  }

  offered(): Iterable<Known> {
    return this.outstanding?.resources ?? this.known.values();
  }

  override send(change: Change, nonce: string): void {
    super.send(change, nonce);
    this.#owed = false;
    this.#sent = change.version;
  }

  protected apply(change: Change): void {
    this.#rejected = undefined;
    const wanted = change.resources.filter(({ name }) => this.subscription.covers(name));
    this.known = new Map(wanted.map((resource) => [resource.name, resource]));
  }

  /** Envoy takes what is good in it all the same; which part that is, it does not tell. */
  protected refuse(change: Change): void {
    this.#rejected = change.version;
  }
}
