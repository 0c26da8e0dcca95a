import { execFileSync } from "node:child_process";
import { statfsSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import { mariadbPrograms, natsServerProgram, postgresPrograms } from "../../tools/components/programs.ts";

/** statfs(2): a file system in memory, where a commit costs nothing. */
const tmpfs = 0x01021994;

/** What a figure depends on: the machine and the versions of everything that is measured. */
export function describeMachine(): Record<string, string> {
  return {
    cpu: `${availableParallelism()} x ${cpus()[0]?.model.trim() ?? "unknown"}`,
    // Above a few tenths before a run, others shared the machine, and its figures are worth less.
    "load before": (loadavg()[0] ?? 0).toFixed(1),
    memory: `${Math.round(totalmem() / 1e9)} GB`,
    system: `${process.platform} ${process.arch} ${release()}`,
    data: statfsSync(tmpdir()).type === tmpfs ? "in memory: nothing is durable" : "on disk",
    commit: said("git", ["rev-parse", "--short", "HEAD"]),
    node: process.version,
    sqlite: process.versions.sqlite ?? "none",
    mariadb: installed(() => mariadbPrograms().server),
    postgres: installed(() => postgresPrograms().server),
    nats: installed(() => natsServerProgram().path),
  };
}

function installed(program: () => string): string {
  try {
    return said(program(), ["--version"]);
  } catch {
    return "not installed";
  }
}

/** First version number of what a program says, or its first line. */
function said(program: string, args: readonly string[]): string {
  try {
    const output = execFileSync(program, args, {
      encoding: "utf8",
      cwd: import.meta.dirname,
      stdio: ["ignore", "pipe", "ignore"],
    });
    return /\d+(\.\d+)+/.exec(output)?.[0] ?? output.trim();
  } catch {
    return "unknown";
  }
}
