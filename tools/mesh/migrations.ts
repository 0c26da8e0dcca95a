import { execFile } from "node:child_process";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { nodeFlags } from "../launch/run.mjs";
import type { MeshContext } from "./components/context.ts";
import { serviceEnvironment } from "./components/service.ts";
import type { MeshDatabase } from "./database/database.ts";
import { logFile, repository } from "./layout.ts";
import { rotateLog } from "./process/log-file.ts";

/** The schema's changes: made by an account of their own before services start, whose accounts cannot change tables. */
export interface Migrations {
  /** Applies what is pending. Throws with the program's last words. */
  up(): Promise<void>;
  /** Names of those that are not applied. Throws when the database cannot say. */
  pending(): Promise<string[]>;
}

/** Filling an index may take long (milliseconds). */
const timeoutMs = 10 * 60_000;
/** Whoever watches the status closely does not start a program each time (milliseconds). */
const freshMs = 10_000;

export function meshMigrations(context: MeshContext, database: MeshDatabase): Migrations {
  const log = logFile(context.layout, "migrate");
  const run = async (command: "up" | "status"): Promise<string> => {
    const program = join(repository, "services/migrate.ts");
    const env = {
      ...serviceEnvironment(context, "operator", ["operator"]),
      DATABASE_URL_FILE: database.migratorUrlFile("order"),
      DATABASE_TLS: "true",
    };
    const what = command === "up" ? "migrating" : "asking for migrations";
    rotateLog(log);
    try {
      const options = { env, timeout: timeoutMs };
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [...nodeFlags, program, command], options);
      appendFileSync(log, command === "up" ? stderr + stdout : stderr, { mode: 0o600 });
      return stdout;
    } catch (error) {
      const { stderr = String(error) } = error as { stderr?: string };
      appendFileSync(log, stderr, { mode: 0o600 });
      throw new Error(`${what} failed: ${lastWords(stderr)} (${log})`);
    }
  };
  let known: { readonly names: Promise<string[]>; readonly at: number } | undefined;
  const look = async () => {
    const lines = (await run("status")).trim().split("\n");
    return lines.filter((line) => !line.startsWith("applied ")).map((line) => line.replace(/^\S+\s+/, ""));
  };
  return {
    up: async () => {
      known = undefined;
      await run("up");
    },
    pending: () => {
      if (known === undefined || performance.now() - known.at > freshMs) {
        const names = look();
        // A database that could not say is asked again the next time.
        names.catch(() => {
          known = undefined;
        });
        known = { names, at: performance.now() };
      }
      return known.names;
    },
  };
}

/** The last line that is neither of the log nor of a stack. */
function lastWords(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "" && !/^(\{|\s+at )/.test(line));
  return lines.at(-1)?.trim() ?? "it said nothing";
}
