import { spawn } from "node:child_process";

/** git in one work tree. */
export class Git {
  readonly directory: string;
  readonly remote: string;

  constructor(directory: string, remote: string) {
    this.directory = directory;
    this.remote = remote;
  }

  /** Runs git; its output. Throws GitFailure. */
  async run(...args: string[]): Promise<string> {
    const { code, output } = await this.#spawn(args);
    if (code !== 0) throw new GitFailure(args, output);
    return output.trim();
  }

  /** Runs git; whether it succeeded. */
  async succeeds(...args: string[]): Promise<boolean> {
    return (await this.#spawn(args)).code === 0;
  }

  /** Name of the branch that is checked out; "" where there is none (a detached HEAD). */
  branch(): Promise<string> {
    return this.run("branch", "--show-current");
  }

  /** Whether something is changed or untracked. */
  async isDirty(): Promise<boolean> {
    return (await this.run("status", "--porcelain")) !== "";
  }

  commit(revision = "HEAD"): Promise<string> {
    return this.run("rev-parse", "--verify", `${revision}^{commit}`);
  }

  /** Brings the remote's branch into the one that is checked out; only where nothing has to be merged. */
  async pull(branch: string): Promise<void> {
    await this.run("pull", "--ff-only", "--quiet", this.remote, branch);
  }

  #spawn(args: readonly string[]): Promise<{ code: number; output: string }> {
    return new Promise((resolve, reject) => {
      // Nobody is there to type a password or a message.
      const env = { ...process.env, GIT_TERMINAL_PROMPT: "0", GIT_EDITOR: "true", LC_ALL: "C" };
      const child = spawn("git", args, { cwd: this.directory, env, stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          output += text;
        });
      }
      child.once("error", (error) => reject(new Error(`git cannot be run (${error.message}): install it`)));
      child.once("close", (code) => resolve({ code: code ?? 1, output }));
    });
  }
}

export class GitFailure extends Error {
  constructor(args: readonly string[], output: string) {
    super(`git ${args.join(" ")} failed: ${output.trim().split("\n").slice(-5).join(" | ")}`);
  }
}
