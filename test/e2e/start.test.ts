import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { runProgram, startInstance } from "../support/instance.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const main = "services/main.ts";
const grpcurl = promisify(execFile);

function embedded(): { DATA_DIR: string } {
  return { DATA_DIR: temporaryDirectory("start") };
}

const json = { "content-type": "application/json" };

describe("a start", () => {
  test("ends its output with the ready line and says that AUTH is open", async () => {
    const instance = await startInstance(embedded());
    const { out, err } = await instance.stop();
    expect(err).toContain("AUTH is open");
    expect(out).toBe(`ready ${instance.url}\n`);
  });

  test("answers /healthz, /readyz, /metrics and /", async () => {
    const { url } = await startInstance(embedded());
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: "alive" });
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: "ready" });
    expect(await (await fetch(`${url}/metrics`)).text()).toContain("process_cpu_seconds_total");
    expect(await (await fetch(`${url}/`)).json()).toMatchObject({ name: "ordermesh" });
    const page = await fetch(`${url}/`, { headers: { accept: "text/html,*/*" } });
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  });

  test("shows its services to grpcurl without proto files", async () => {
    const { url } = await startInstance(embedded());
    const { stdout } = await grpcurl("grpcurl", ["-plaintext", new URL(url).host, "list"]);
    expect(stdout.split("\n")).toEqual(
      expect.arrayContaining(["grpc.health.v1.Health", "ordermesh.events.v1.EventAdminService"]),
    );
  });

  test("keeps its data for the next one", async () => {
    const env = embedded();
    const first = await startInstance(env);
    const body = JSON.stringify({
      user_name: "lin",
      shop_name: "a",
      product_url: "http://a/",
      product_price: 1,
      product_sku: "s",
    });
    const created = await fetch(`${first.url}/orders`, { method: "POST", headers: json, body });
    expect(await created.json()).toMatchObject({ success: true });
    await first.stop();
    const { url } = await startInstance(env);
    const current = await fetch(`${url}/users/lin/orders/current`);
    expect(await current.json()).toMatchObject({ success: true });
  });

  test("SIGTERM ends it with exit code 0", async () => {
    const instance = await startInstance(embedded());
    expect(await instance.stop("SIGTERM")).toMatchObject({ code: 0, signal: null });
  });

  test("an open instance refuses a foreign host", async () => {
    const { url } = await startInstance(embedded());
    const { stdout } = await grpcurl("curl", ["-s", "-H", "Host: shop.example", `${url}/v1/events/dead-letters`]);
    expect(JSON.parse(stdout).details[0].reason).toBe("FOREIGN_HOST");
  });
});

describe("a start that cannot be", () => {
  test("a second process on the same DATA_DIR: one line that names the first", async () => {
    const env = embedded();
    await startInstance(env);
    const { code, out, err } = await runProgram(main, [], { ...env, PORT: "0" });
    expect(code).toBe(1);
    expect(out).toBe("");
    expect(err).toMatch(/^the data directory \S+ is in use by process \d+ .*: stop that one first.*\n$/);
  });

  test("a port in use: one line that says what to do", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    try {
      const { port } = holder.address() as AddressInfo;
      const { code, err } = await runProgram(main, [], { ...embedded(), PORT: String(port), LOG_LEVEL: "silent" });
      expect(code).toBe(1);
      expect(err).toMatch(/^cannot listen on 127\.0\.0\.1:\d+: the port is in use;.*\n$/);
    } finally {
      holder.close();
    }
  });

  test("a bad configuration: all problems at once", async () => {
    const { code, err } = await runProgram(main, [], { PORT: "many", LOG_LEVEL: "loud", DATABASE_URL: "oracle://x" });
    expect(code).toBe(1);
    expect(err).toContain("3 problems");
    expect(
      err
        .trimEnd()
        .split("\n")
        .slice(1)
        .map((line) => line.trim().split(":")[0]),
    ).toEqual(["PORT", "DATABASE_URL", "LOG_LEVEL"]);
  });

  test("a service that does not exist: one line", async () => {
    const { code, err } = await runProgram(main, ["--services", "payments"], embedded());
    expect(code).toBe(1);
    expect(err).toBe('there is no service "payments": npm start -- --help shows what there is\n');
  });

  test("a gateway that does not know where the order service is", async () => {
    const { code, err } = await runProgram(main, ["--services", "gateway"], { PORT: "0" });
    expect(code).toBe(1);
    expect(err).toContain("ORDER_URL: is unset");
  });
});

describe("services apart", () => {
  test("a gateway reaches the order service of another process", async () => {
    const order = await startInstance(embedded(), ["--services", "order"]);
    const gateway = await startInstance({ ORDER_URL: order.url }, ["--services", "gateway"]);
    const response = await fetch(`${gateway.url}/v1/events/dead-letters`);
    expect(await response.json()).toEqual({ deadLetters: [], nextPageToken: "" });
    expect((await fetch(`${order.url}/v1/events/dead-letters`)).status).toBe(404);
  });
});

describe("a gateway apart", () => {
  test("serves the services' RPCs, too", async () => {
    const order = await startInstance(embedded(), ["--services", "order"]);
    const gateway = await startInstance({ ORDER_URL: order.url }, ["--services", "gateway"]);
    const response = await fetch(`${gateway.url}/ordermesh.order.v1.OrderTaskService/ListOrderTasks`, {
      method: "POST",
      headers: json,
      body: "{}",
    });
    expect([response.status, await response.json()]).toEqual([200, {}]);
  });

  test("is not ready without its order service, and says so on the surfaces", async () => {
    const order = await startInstance(embedded(), ["--services", "order"]);
    const gateway = await startInstance({ ORDER_URL: order.url }, ["--services", "gateway"]);
    const statusOf = async (path: string) => (await fetch(`${gateway.url}${path}`)).status;
    expect(await statusOf("/readyz")).toBe(200);
    await order.stop("SIGKILL");
    await expect.poll(() => statusOf("/readyz"), { timeout: 10_000 }).toBe(503);
    expect(await statusOf("/api/v1/order/health")).toBe(503);
  });
});

describe("the command line", () => {
  test("--print-config shows every option and no secret", async () => {
    const { code, out } = await runProgram(main, ["--print-config"], {
      JWT_SECRET: "a-secret-of-at-least-32-characters",
    });
    expect(code).toBe(0);
    expect(out).toContain("PORT=8080");
    expect(out).toContain("ORDER_URL=");
    expect(out).toContain("JWT_SECRET=***");
  });

  test("migrate down asks for --yes", async () => {
    const { code, err } = await runProgram("services/migrate.ts", ["down"], embedded());
    expect([code, err]).toEqual([
      2,
      "down drops tables with all that is in them: say it with --yes, or make a backup first\n",
    ]);
  });

  test("migrate status names every migration, up applies them, down reverts the last", async () => {
    const env = { ...embedded(), LOG_LEVEL: "warn" };
    const migrate = (...args: string[]) => runProgram("services/migrate.ts", args, env);
    expect((await migrate("status")).out).toMatch(/^(pending +\S+\n)+$/);
    expect((await migrate("up")).out).toMatch(/^(up \S+\n)+$/);
    expect((await migrate("down", "--yes")).out).toMatch(/^down \S+\n$/);
    expect((await migrate("status")).out).toMatch(/^(applied +\S+\n)+pending +\S+\n$/);
  });
});
