import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { startInstance } from "../../test/support/instance.ts";
import { temporaryDirectory } from "../../test/support/temporary.ts";

async function smoke(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "mesh-smoke.ts"), ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, text };
}

describe("platform 5 mesh:smoke", () => {
  test("a running instance: everything appears, and what was created is gone or closed again", async () => {
    const { url } = await startInstance({ DATA_DIR: temporaryDirectory("smoke") });
    const { code, text } = await smoke(["--url", url]);
    expect(code, text).toBe(0);
    expect(await (await fetch(`${url}/v1/orders`)).json()).toMatchObject({
      orders: [{ status: "ORDER_STATUS_CANCELLED", cancelReason: "smoke test" }],
    });
    expect(await (await fetch(`${url}/v1/seckill/activities`)).json()).toMatchObject({
      activities: [{ state: "ACTIVITY_STATE_CLOSED", stock: { total: "1", free: "1" } }],
    });
  });

  test("an instance of its own, with nothing of this machine's", async () => {
    const { code, text } = await smoke(["--embedded"], { DATABASE_URL: "mysql://nobody@127.0.0.1:9/none" });
    expect(code, text).toBe(0);
  });

  test("a wrong answer is exit code 1", async () => {
    const server = createServer((request, response) =>
      response.writeHead(request.url === "/healthz" ? 200 : 500).end("{}"),
    );
    server.listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const { code, text } = await smoke(["--url", `http://127.0.0.1:${port}`]);
    expect(code).toBe(1);
    expect(text).toContain("POST /v1/seckill/activities answers 500, not 200");
  });

  test("nobody there is exit code 2", async () => {
    expect((await smoke(["--url", "http://127.0.0.1:9"])).code).toBe(2);
  });

  test.each([[["--fast"]], [["--embedded", "--url", "http://127.0.0.1:9"]], [["--ca", "file"]]])(
    "%j is usage",
    async (args) => {
      expect(await smoke(args)).toMatchObject({ code: 64, text: expect.stringContaining("usage") });
    },
  );
});
