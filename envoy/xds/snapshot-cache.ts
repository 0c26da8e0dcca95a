import type { Snapshot } from "./snapshot.ts";

/** Group of all clients that have no snapshot of their own. */
export const everyone = "";

/** Snapshots by group of clients. No I/O, no timers. */
export class SnapshotCache {
  readonly #snapshots = new Map<string, Snapshot>();

  set(snapshot: Snapshot, group: string = everyone): void {
    this.#snapshots.set(group, snapshot);
  }

  /** The group's own snapshot, else that for everyone. */
  get(group: string): Snapshot | undefined {
    return this.#snapshots.get(group) ?? this.#snapshots.get(everyone);
  }

  delete(group: string): void {
    this.#snapshots.delete(group);
  }
}
