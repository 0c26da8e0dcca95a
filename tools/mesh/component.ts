import type { Launch, ManagedProcess } from "./process/managed-process.ts";

/** One running process of a component, as far as asking it goes. */
export interface Running {
  readonly process: ManagedProcess;
  /** What it has written since it began. */
  output(): string;
}

/** Something the mesh consists of. */
export interface Component {
  /** `database`, `order`. */
  readonly name: string;
  /** How many of it can run side by side: any number, or one. */
  readonly scalable: boolean;
  /** What has to be done once before its instances are replaced by those of a newer release. */
  upgrade?(): Promise<void>;
  /** What to start now; files it needs are made, ports it asks for are known. Throws when it cannot be started. */
  launch(): Promise<Launch>;
  /** Where it listens, once it has said so. */
  port(running: Running): number | undefined;
  /** Why it cannot do its work, one line each; none when it can. Never throws. */
  check(running: Running): Promise<readonly string[]>;
  /** Resolves once requests reach this instance. Without it: when it is ready. */
  reachable?(running: Running, signal: AbortSignal): Promise<void>;
  /** Makes certificates that were replaced count, where the program does not look by itself. */
  reload?(running: Running): Promise<void>;
}
