/** A proxy as it is, or as it was when it was last seen. */
export interface SeenProxy<Status> {
  readonly status: Status;
  readonly connected: boolean;
}

/** Proxies that are gone and still told of; one that is replaced day by day is forgotten in time. */
const mostAbsent = 50;

/** The proxies that were here in this process's life, by the id of their node. */
export class Proxies<Status extends { readonly node: { readonly id: string } }> {
  readonly #seen = new Map<string, Status>();
  readonly #status: () => readonly Status[];

  /** `status` tells who is connected. */
  constructor(status: () => readonly Status[]) {
    this.#status = status;
  }

  /** By id. */
  list(): readonly SeenProxy<Status>[] {
    const connected = new Map(this.#status().map((status) => [status.node.id, status]));
    for (const [id, status] of connected) {
      // The last one seen stands last.
      this.#seen.delete(id);
      this.#seen.set(id, status);
    }
    const absent = [...this.#seen.keys()].filter((id) => !connected.has(id));
    for (const id of absent.slice(0, Math.max(0, absent.length - mostAbsent))) this.#seen.delete(id);
    const all = [...this.#seen].sort(([a], [b]) => (a < b ? -1 : 1));
    return all.map(([id, status]) => ({ status, connected: connected.has(id) }));
  }
}
