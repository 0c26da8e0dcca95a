import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../../../../test/support/temporary.ts";

const tools = join(import.meta.dirname, "../..");

export interface Outcome {
  readonly code: number | null;
  readonly text: string;
  /** Branches that were smoke-tested, in order, with the files that were there. */
  readonly smokes: readonly { readonly branch: string; readonly files: readonly string[] }[];
}

/** A bare remote and a clone of it with the branches main, dev and feature/x, which has the file x. */
export class Repository {
  readonly remote: string;
  readonly work: string;
  readonly #smokeLog: string;
  readonly #smoke: string;

  constructor() {
    const folder = temporaryDirectory("release");
    this.remote = join(folder, "remote.git");
    this.work = join(folder, "work");
    this.#smokeLog = join(folder, "smokes");
    this.#smoke = join(folder, "smoke.mjs");
    execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", this.remote]);
    execFileSync("git", ["init", "--quiet", "--initial-branch=main", this.work]);
    for (const [name, value] of [
      ["user.name", "A"],
      ["user.email", "a@example.com"],
      ["commit.gpgsign", "false"],
    ] as const) {
      this.git("config", name, value);
    }
    this.git("remote", "add", "origin", this.remote);
    this.commit("base", "base");
    this.git("checkout", "--quiet", "-b", "dev");
    this.git("push", "--quiet", "origin", "main", "dev");
    this.git("checkout", "--quiet", "-b", "feature/x");
    this.commit("x", "x");
    writeFileSync(this.#smokeLog, "");
    writeFileSync(
      this.#smoke,
      `import { execFileSync } from "node:child_process";
import { appendFileSync, readdirSync } from "node:fs";
const branch = execFileSync("git", ["branch", "--show-current"], { encoding: "utf8" }).trim();
const files = readdirSync(".").filter((name) => name !== ".git").sort();
appendFileSync(${JSON.stringify(this.#smokeLog)}, JSON.stringify({ branch, files }) + "\\n");
process.exitCode = process.env.SMOKE_FAILS_ON === branch ? 3 : 0;
`,
    );
  }

  git(...args: string[]): string {
    return execFileSync("git", args, { cwd: this.work, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  }

  write(file: string, content: string): void {
    writeFileSync(join(this.work, file), content);
  }

  commit(file: string, content: string): void {
    this.write(file, content);
    this.git("add", file);
    this.git("commit", "--quiet", "--message", `change ${file}`);
  }

  /** Somebody else commits to a branch of the remote. */
  commitElsewhere(branch: string, file: string, content: string): void {
    const other = join(temporaryDirectory("elsewhere"), "work");
    execFileSync("git", ["clone", "--quiet", "--branch", branch, this.remote, other]);
    writeFileSync(join(other, file), content);
    const options = { cwd: other };
    execFileSync("git", ["add", file], options);
    execFileSync(
      "git",
      ["-c", "user.name=B", "-c", "user.email=b@example.com", "commit", "--quiet", "-m", file],
      options,
    );
    execFileSync("git", ["push", "--quiet", "origin", branch], options);
  }

  /** Lets the remote refuse pushes to a branch. */
  refusePushes(branch: string): void {
    writeFileSync(join(this.remote, "hooks/update"), `#!/bin/sh\n[ "$1" != "refs/heads/${branch}" ]\n`, {
      mode: 0o755,
    });
  }

  /** Commit of a branch on the remote; undefined where there is none. */
  onRemote(branch: string): string | undefined {
    const { status, stdout } = spawnSync("git", ["rev-parse", "--verify", "--quiet", `refs/heads/${branch}`], {
      cwd: this.remote,
      encoding: "utf8",
    });
    return status === 0 ? stdout.trim() : undefined;
  }

  filesOn(revision: string): string[] {
    return this.git("ls-tree", "--name-only", revision).split("\n");
  }

  /** All that a release must not change unless it says so. */
  state(): string {
    const own = this.git("for-each-ref", "--format=%(refname) %(objectname)");
    const status = this.git("status", "--porcelain", "--branch");
    const remote = execFileSync("git", ["for-each-ref", "--format=%(refname) %(objectname)"], {
      cwd: this.remote,
      encoding: "utf8",
    });
    return [own, status, remote, this.git("rev-parse", "HEAD")].join("\n");
  }

  run(script: "release-feature" | "release-main", args: readonly string[], failsOn = ""): Outcome {
    const smoke = ["--smoke", `${process.execPath} ${this.#smoke}`];
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(tools, `${script}.ts`), ...smoke, ...args], {
      cwd: this.work,
      encoding: "utf8",
      env: { ...process.env, SMOKE_FAILS_ON: failsOn },
    });
    const lines = readFileSync(this.#smokeLog, "utf8")
      .split("\n")
      .filter((line) => line !== "");
    return { code: status, text: stdout + stderr, smokes: lines.map((line) => JSON.parse(line)) };
  }
}
