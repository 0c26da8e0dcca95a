import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { gatewayOptions } from "@ordermesh/gateway/config.ts";
import { meshOptions } from "@ordermesh/mesh/config.ts";
import { orderOptions } from "@ordermesh/order/config.ts";
import { configMarkdown } from "@ordermesh/runtime/config/print-config.ts";
import { runtimeDefinition } from "@ordermesh/runtime/config/runtime-config.ts";
import { expect, test } from "vitest";
import { startInstance } from "./support/instance.ts";
import { temporaryDirectory } from "./support/temporary.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const run = promisify(execFile);

interface Request {
  readonly command: string;
  readonly answer: string;
}

/** Every `$ command` of the console blocks with the lines below it. */
function requestsOf(markdown: string): Request[] {
  const blocks = [...markdown.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const lines = part.split("\n");
        // A command goes on in lines that are indented by four.
        const end = lines.findIndex((line, i) => i > 0 && !line.startsWith("    "));
        return { command: lines.slice(0, end).join("\n"), answer: lines.slice(end).join("\n") };
      }),
  );
}

/** What differs from run to run, by its shape: ids, times, digests. JSON in one form, whatever its layout. */
function comparable(text: string): string {
  return canonical(text.trim())
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>")
    .replaceAll(/\b[0-9a-f]{32}\b/g, "<trace>")
    .replaceAll(/\bSK[0-9a-f]{32}\b/g, "<order>")
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?/g, "<time>")
    .replaceAll(/"id": \d+/g, '"id": <number>')
    .replaceAll(/in \d+\.\d s/g, "in <seconds>");
}

function canonical(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    return text;
  }
}

test("the README's requests, in their order, get the answers that it prints", async () => {
  const { url } = await startInstance({ DATA_DIR: temporaryDirectory("readme"), AUTH: "open" });
  const { host } = new URL(url);
  const env = { ...process.env, ORDERMESH_URL: url };
  for (const { command, answer } of requestsOf(readme)) {
    const local = command.replaceAll("localhost:8080", host).replaceAll("npm run seckill:publish --", publish);
    const { stdout, stderr } = await run("bash", ["-c", `set -o pipefail\n${local}`], { env });
    const said = `${stdout}${stderr}`.replaceAll(url, "http://127.0.0.1:8080");
    expect(comparable(said), command).toBe(comparable(answer));
  }
}, 60_000);

const publish = `${process.execPath} services/order/cli/publish.ts`;

test("the README's table of options is that of the program", () => {
  const table = configMarkdown({
    ...runtimeDefinition(["<NAME>"]),
    ...gatewayOptions,
    ...orderOptions,
    ...meshOptions,
  });
  expect(readme).toContain(table);
});
