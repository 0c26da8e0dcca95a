// Refuses a change that breaks clients of the protos of an earlier commit: `npm run proto:breaking [-- COMMIT]`,
// by default the one before HEAD.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = process.cwd();
const against = process.argv[2] ?? "HEAD^";

const git = (...args: string[]) => spawnSync("git", args, { cwd: root, encoding: "utf8" });
const commit = git("rev-parse", "--verify", "--quiet", `${against}^{commit}`).stdout.trim();
const hasProtos = git("ls-tree", "-r", "--name-only", commit, "--", "proto").stdout.includes(".proto");

if (commit === "") console.log(`skipped: this repository has no commit ${against} to compare with`);
else if (!hasProtos) console.log(`skipped: ${commit} has no protos to compare with`);
else process.exitCode = compareWith(commit);

/** Exit code of `buf breaking` against the protos of a commit; those that we do not own are today's. */
function compareWith(commit: string): number {
  const earlier = mkdtempSync(join(tmpdir(), "ordermesh-protos-"));
  try {
    const archive = execFileSync("git", ["archive", commit, "proto", "buf.yaml"], { cwd: root, maxBuffer: 2 ** 28 });
    execFileSync("tar", ["-x", "-C", earlier], { input: archive });
    cpSync(join(root, "deps"), join(earlier, "deps"), { recursive: true });
    const buf = join(import.meta.dirname, "../node_modules/@bufbuild/buf/bin/buf");
    const args = [buf, "breaking", "--against", earlier];
    const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
    if (status === 0) console.log(`nothing breaks clients of ${commit}`);
    return status ?? 1;
  } finally {
    rmSync(earlier, { recursive: true, force: true });
  }
}
