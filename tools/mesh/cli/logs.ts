// `npm run mesh:logs [NAME] [--follow]`: what the mesh's processes write.
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BadRequest, NotRunning } from "../control/control-client.ts";
import { fileSize, lastLines, readFrom } from "../process/log-file.ts";
import { exitCodes, meshLayout, meshValues, runCommand, UsageError } from "./command.ts";

const pollMs = 200;

await runCommand({
  usage: `usage: npm run mesh:logs -- [NAME] [--follow] [--lines N] [--data-dir DIR] [--help]

Shows the last lines that the mesh's processes have written: of one (order-1, order, envoy, supervisor ...) or of all. Works
after the mesh has stopped, too.

  --follow   go on with what comes
  --lines N  of each; default: 50
`,
  options: {
    follow: { type: "boolean", default: false },
    lines: { type: "string", default: "50" },
    "data-dir": { type: "string" },
  },
  positionals: ["[NAME]"],
  async run({ values: flags, positionals: [wanted] }) {
    if (!/^\d{1,6}$/.test(flags.lines)) throw new UsageError("--lines is a whole number");
    const { logs } = meshLayout(meshValues({ MESH_DATA_DIR: flags["data-dir"] }));
    const find = () => logFiles(logs).filter((path) => wanted === undefined || isCalled(nameOf(path), wanted));
    const files = find();
    if (files.length === 0) {
      if (logFiles(logs).length === 0) throw new NotRunning(`there are no logs in ${logs}`);
      throw new BadRequest(`there is no ${wanted}: ${logFiles(logs).map(nameOf).join(", ")}`);
    }
    const shown = new Map<string, number>();
    for (const path of files) {
      print(path, lastLines(path, Number(flags.lines)));
      shown.set(path, fileSize(path));
    }
    while (flags.follow) {
      await sleep(pollMs);
      for (const path of find()) {
        const size = fileSize(path);
        const from = shown.get(path) ?? 0;
        // What is not yet a whole line waits; a file that shrank was put aside.
        const text = size === from ? "" : readFrom(path, size < from ? 0 : from);
        const whole = text.slice(0, text.lastIndexOf("\n") + 1);
        print(path, whole.trimEnd());
        shown.set(path, (size < from ? 0 : from) + Buffer.byteLength(whole));
      }
    }
    return exitCodes.ok;
  },
});

function logFiles(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(".log"));
    return names.sort().map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function nameOf(path: string): string {
  return basename(path, ".log");
}

/** `order` stands for all of its instances. */
function isCalled(name: string, wanted: string): boolean {
  return name === wanted || name.replace(/-\d+$/, "") === wanted;
}

function print(path: string, text: string): void {
  for (const line of text === "" ? [] : text.split("\n")) process.stdout.write(`${nameOf(path).padEnd(10)} ${line}\n`);
}
