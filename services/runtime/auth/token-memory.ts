import type { Principal } from "./principal.ts";

interface Entry {
  readonly principal: Principal;
  /** Epoch milliseconds. */
  readonly until: number;
}

/** Verified tokens and whom they stand for, for a while; when it is full the oldest goes. */
export class TokenMemory {
  readonly #capacity: number;
  readonly #entries = new Map<string, Entry>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(token: string): Principal | undefined {
    const entry = this.#entries.get(token);
    if (entry === undefined) return undefined;
    if (Date.now() < entry.until) return entry.principal;
    this.#entries.delete(token);
    return undefined;
  }

  /** `until`: epoch milliseconds. */
  set(token: string, principal: Principal, until: number): void {
    // A Map keeps the order in which its keys came.
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < this.#capacity) break;
      this.#entries.delete(oldest);
    }
    this.#entries.set(token, { principal, until });
  }
}
