import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openDataDir } from "./data-dir.ts";
import { StartupError } from "./startup-error.ts";

let base: string;
let children: ChildProcess[] = [];

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "ordermesh-data-dir-"));
});

afterEach(async () => {
  for (const child of children) await kill(child);
  children = [];
  rmSync(base, { recursive: true, force: true });
});

/** A process that takes the directory and keeps it, or fails; gives what it printed first. */
async function hold(directory: string): Promise<{ child: ChildProcess; line: string }> {
  const module = new URL("./data-dir.ts", import.meta.url).href;
  const script = `import { openDataDir } from ${JSON.stringify(module)};
    try { openDataDir(process.argv[1]); console.log("held"); setInterval(() => globalThis.gc(), 10); }
    catch (error) { console.log(error.name + " " + error.message); process.exit(error.exitCode ?? 99); }`;
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "-e", script, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  let out = "";
  for await (const chunk of child.stdout) {
    out += chunk;
    if (out.includes("\n")) break;
  }
  return { child, line: out.trim() };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

function refusal(directory: string): StartupError {
  try {
    openDataDir(directory).release();
  } catch (error) {
    expect(error).toBeInstanceOf(StartupError);
    expect((error as StartupError).message).not.toContain("\n");
    return error as StartupError;
  }
  return expect.unreachable();
}

test("creates the directory, readable by its owner only", () => {
  const directory = join(base, "a", "b");
  const dir = openDataDir(directory);
  expect(dir.path).toBe(directory);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  dir.release();
});

test("a place where nothing can be made is refused", () => {
  expect(refusal("/proc/ordermesh/data").message).toBe(
    "cannot use the data directory /proc/ordermesh/data: its place does not exist and cannot be made; choose another one",
  );
});

describe("a second process", () => {
  test("is refused with one line that names the first and what to do", async () => {
    const { child, line } = await hold(base);
    expect(line).toBe("held");
    const { message, exitCode } = refusal(base);
    expect(message).toContain(`the data directory ${base} is in use by process ${child.pid} (since `);
    expect(message).toContain("stop that one first, or set DATA_DIR to another folder");
    expect(exitCode).not.toBe(0);
  });

  test("takes over at once when the first was killed", async () => {
    const { child } = await hold(base);
    await kill(child);
    openDataDir(base).release();
  });

  test("takes over though the dead one's pid is somebody else's now", () => {
    writeFileSync(
      join(base, "process.json"),
      JSON.stringify({ pid: process.ppid, host: hostname(), since: new Date() }),
    );
    openDataDir(base).release();
  });

  test("is refused even when nobody can say who the first is", async () => {
    await hold(base);
    writeFileSync(join(base, "process.json"), "{");
    expect(refusal(base).message).toContain("is in use by another process");
  });

  test("of several at once exactly one wins", async () => {
    const lines = (await Promise.all([1, 2, 3, 4, 5].map(() => hold(base)))).map(({ line }) => line);
    expect(lines.filter((line) => line === "held")).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith("StartupError"))).toHaveLength(4);
  });
});

test("a second use inside one process is refused, too, until the first lets go", () => {
  const first = openDataDir(base);
  expect(refusal(base).message).toContain(`process ${process.pid}`);
  first.release();
  first.release();
  expect(existsSync(join(base, "process.json"))).toBe(false);
  openDataDir(base).release();
});

describe("a directory that cannot be used", () => {
  test("a full disk", () => {
    symlinkSync("/dev/full", join(base, "process.json"));
    expect(refusal(base).message).toBe(`cannot use the data directory ${base}: the disk is full; free some space`);
    rmSync(join(base, "process.json"));
    openDataDir(base).release();
  });

  test("a file in the way", () => {
    writeFileSync(join(base, "file"), "");
    expect(refusal(join(base, "file")).message).toContain("a file of that name is in the way");
    expect(refusal(join(base, "file", "sub")).message).toContain("a part of the path is a file");
  });

  test("no permission", async () => {
    const directory = join(base, "owned");
    openDataDir(directory).release();
    const nobody = 65534;
    const line = await asUser(nobody, directory);
    expect(line).toContain(`cannot use the data directory ${directory}: permission denied`);
  });
});

/** Opens the directory in a process without root's rights (this one, where it has none anyway). */
async function asUser(uid: number, directory: string): Promise<string> {
  const module = new URL("./data-dir.ts", import.meta.url).href;
  const script = `const { openDataDir } = await import(${JSON.stringify(module)});
    if (process.getuid() === 0) { process.setgroups([]); process.setgid(${uid}); process.setuid(${uid}); }
    else (await import("node:fs")).chmodSync(process.argv[1], 0);
    try { openDataDir(process.argv[1]); console.log("held"); } catch (error) { console.log(error.message); }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  let out = "";
  for await (const chunk of child.stdout) out += chunk;
  return out.trim();
}
