import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { gatewayOptions } from "@ordermesh/gateway/config.ts";
import { meshOptions } from "@ordermesh/mesh/config.ts";
import { orderOptions } from "@ordermesh/order/config.ts";
import { configMarkdown } from "@ordermesh/runtime/config/print-config.ts";
import { runtimeDefinition } from "@ordermesh/runtime/config/runtime-config.ts";
import { beforeAll, describe, expect, test } from "vitest";
import { startInstance } from "./support/instance.ts";
import { startMesh, type TestMesh } from "./support/mesh.ts";
import { temporaryDirectory } from "./support/temporary.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const run = promisify(execFile);

interface Request {
  readonly command: string;
  readonly answer: string;
}

/** Every `$ command` of the console blocks of one kind with the lines below it. */
function requestsOf(markdown: string, kind: "console" | "console mesh"): Request[] {
  const pattern = new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\`$`, "gms");
  const blocks = [...markdown.matchAll(pattern)].map(([, block = ""]) => block);
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

/** Runs a command as a person would, and compares what it prints. */
async function expectAnswer(
  { command, answer }: Request,
  env: NodeJS.ProcessEnv,
  edit: (text: string) => string,
): Promise<void> {
  const local = edit(command).replaceAll("npm run seckill:publish --", publish);
  const { stdout, stderr } = await run("bash", ["-c", `set -o pipefail\n${local}`], {
    env: { ...process.env, ...env },
  });
  const said = `${stdout}${stderr}`.replaceAll(env.ORDERMESH_URL ?? "", "http://127.0.0.1:8080");
  expect(comparable(said), command).toBe(comparable(answer));
}

const publish = `${process.execPath} services/order/cli/publish.ts`;

test("the README's requests, in their order, get the answers that it prints", async () => {
  const { url } = await startInstance({ DATA_DIR: temporaryDirectory("readme"), AUTH: "open" });
  for (const request of requestsOf(readme, "console")) {
    await expectAnswer(request, { ORDERMESH_URL: url }, (text) => text.replaceAll("localhost:8080", new URL(url).host));
  }
}, 60_000);

describe("in the mesh", () => {
  let mesh: TestMesh;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    mesh = await startMesh();
    const ca = join(mesh.dataDir, "certs/ca.crt");
    const TOKEN = await mesh.token();
    env = { CA: ca, TOKEN, NODE_EXTRA_CA_CERTS: ca, ORDERMESH_URL: mesh.edge, ORDERMESH_TOKEN: TOKEN };
    return () => mesh.stop();
  }, 120_000);

  test("its own requests get the answers that the README prints", async () => {
    const edge = `localhost:${new URL(mesh.edge).port}`;
    for (const request of requestsOf(readme, "console mesh")) {
      await expectAnswer(request, env, (text) => text.replaceAll("localhost:8443", edge));
    }
  });

  test("the embedded instance's requests get the same answers through Envoy over TLS", async () => {
    const edge = `localhost:${new URL(mesh.edge).port}`;
    const token = `-H "authorization: Bearer $TOKEN"`;
    const secure = (text: string) =>
      text
        .replaceAll("curl -s localhost:8080", `curl -s --cacert $CA ${token} https://${edge}`)
        .replaceAll("grpcurl -plaintext localhost:8080", `grpcurl -cacert $CA ${token} ${edge}`);
    // The mesh has a service more.
    const requests = requestsOf(readme, "console").filter(({ command }) => !command.endsWith(" list"));
    for (const request of requests) await expectAnswer(request, env, secure);
  });
});

test("the README's table of options is that of the program", () => {
  const table = configMarkdown({
    ...runtimeDefinition(["<NAME>"]),
    ...gatewayOptions,
    ...orderOptions,
    ...meshOptions,
  });
  expect(readme).toContain(table);
});
