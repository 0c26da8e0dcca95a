import { readFileSync } from "node:fs";
import { z } from "zod";
import { replaceFile } from "./certificates/store.ts";
import type { ProcessIdentity } from "./process/process-identity.ts";

const processSchema = z.object({
  name: z.string(),
  pid: z.int().positive(),
  startTime: z.string(),
  signal: z.custom<NodeJS.Signals>((value) => typeof value === "string" && value.startsWith("SIG")),
});

const stateSchema = z.object({
  /** Chosen at earlier starts, by name. */
  ports: z.record(z.string(), z.int().min(1).max(65_535)).default({}),
  /** What the supervisor started, in this order. */
  processes: z.array(processSchema).default([]),
  /** The database server whose files are here. */
  database: z.string().optional(),
});

export type RecordedProcess = Readonly<z.infer<typeof processSchema>>;

/**
 * What outlives the supervisor: the ports it chose, and the processes it started, written down before anything waits for
 * them, so that whoever comes after a crash finds them all.
 */
export class State {
  readonly #path: string;
  #content: z.infer<typeof stateSchema>;

  constructor(path: string) {
    this.#path = path;
    this.#content = readState(path);
  }

  get processes(): readonly RecordedProcess[] {
    return this.#content.processes;
  }

  get database(): string | undefined {
    return this.#content.database;
  }

  port(name: string): number | undefined {
    return this.#content.ports[name];
  }

  keepPorts(ports: Readonly<Record<string, number>>): void {
    this.#write({ ...this.#content, ports: { ...this.#content.ports, ...ports } });
  }

  keepDatabase(database: string): void {
    this.#write({ ...this.#content, database });
  }

  addProcess(name: string, { pid, startTime }: ProcessIdentity, signal: NodeJS.Signals): void {
    this.#write({ ...this.#content, processes: [...this.#content.processes, { name, pid, startTime, signal }] });
  }

  /** Never throws: a record too many does no harm, and who stops the mesh on a full disk has to get on with it. */
  removeProcess({ pid, startTime }: ProcessIdentity): void {
    const others = this.#content.processes.filter((other) => other.pid !== pid || other.startTime !== startTime);
    try {
      this.#write({ ...this.#content, processes: others });
    } catch {
      // It is forgotten here; the file still names it.
    }
  }

  #write(content: z.infer<typeof stateSchema>): void {
    this.#content = content;
    replaceFile(this.#path, `${JSON.stringify(content, undefined, 2)}\n`);
  }
}

/** An unreadable file counts as none: ports are chosen anew, and who holds one is told by name. */
function readState(path: string): z.infer<typeof stateSchema> {
  try {
    return stateSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return stateSchema.parse({});
  }
}
