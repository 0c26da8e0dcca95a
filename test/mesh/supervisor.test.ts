import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { createConnection } from "mysql2/promise";
import { connect } from "nats";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { identifyProcess } from "../../tools/mesh/process/process-identity.ts";
import { meshIn, startMesh, type TestMesh } from "../support/mesh.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const startMs = 120_000;

async function pidOf(mesh: TestMesh, name: string): Promise<number> {
  const { components } = await mesh.status();
  return components.find((component) => component.name === name)?.pid ?? 0;
}

describe("a running mesh", () => {
  let mesh: TestMesh;
  beforeAll(async () => {
    mesh = await startMesh();
  }, startMs);
  afterAll(() => mesh.stop(), startMs);

  function material(identity: string) {
    const read = (file: string) => readFileSync(join(mesh.dataDir, "certs", identity, file), "utf8");
    return { cert: read("tls.crt"), key: read("tls.key"), ca: read("ca.crt") };
  }

  test("tells what runs where, and last where it is", () => {
    const lines = mesh.output().trim().split("\n");
    expect(mesh.output()).toMatch(/^order-1 +ready +\d+ +127\.0\.0\.1:\d+ /m);
    expect(lines.filter((line) => line.startsWith("ready "))).toEqual([`ready ${mesh.edge}`]);
  });

  test("answers requests through its edge", async () => {
    expect(await mesh.ask("/v1/orders", { headers: { authorization: `Bearer ${await mesh.token()}` } })).toEqual({
      status: 200,
      body: expect.stringContaining('"orders":[]'),
    });
    expect((await mesh.ask("/v1/orders")).status).toBe(401);
  });

  test("is healthy, with its services in the registry and nothing to migrate", async () => {
    const { code, out } = await mesh.command("status", "--json");
    expect(code).toBe(0);
    const status = JSON.parse(out);
    expect(status).toMatchObject({ healthy: true, phase: "running", problems: [], pendingMigrations: [] });
    expect(status.controlPlane.lastNack).toBeUndefined();
    const services = status.controlPlane.instances.map(({ service }: { service: string }) => service);
    expect(services).toEqual(expect.arrayContaining(["gateway", "mesh", "order"]));
  });

  test("lets nobody else at the sockets by which it and Envoy are ruled", () => {
    for (const name of ["control", "admin"]) {
      expect(statSync(join(mesh.dataDir, `${name}.sock`)).mode & 0o777, name).toBe(0o600);
    }
  });

  test("does not start a second time", async () => {
    const { code, err } = await mesh.command("start");
    expect(code).toBe(1);
    expect(err).toContain(`the mesh is running already (process ${mesh.pid}, ${mesh.dataDir})`);
  });

  test("starts a crashed service again", async () => {
    const before = await pidOf(mesh, "order-1");
    process.kill(before, "SIGKILL");
    const order = async () => (await mesh.status()).components.find(({ name }) => name === "order-1");
    await expect
      .poll(order, { timeout: 30_000, interval: 200 })
      .toMatchObject({ state: "ready", restarts: 1, lastExit: "SIGKILL" });
    expect(await pidOf(mesh, "order-1")).not.toBe(before);
  }, 40_000);

  test.each(["nats", "database", "envoy", "mesh"])(
    "starts a crashed %s again, and all is well after",
    async (name) => {
      process.kill(await pidOf(mesh, name), "SIGKILL");
      const health = async () => {
        const { healthy, components } = await mesh.status();
        return { healthy, restarts: components.find((component) => component.name === name)?.restarts };
      };
      await expect.poll(health, { timeout: 50_000, interval: 200 }).toEqual({ healthy: true, restarts: 1 });
      const authorization = `Bearer ${await mesh.token()}`;
      expect((await mesh.ask("/v1/orders", { headers: { authorization } })).status).toBe(200);
    },
    60_000,
  );

  /** Statuses of requests that are made one after the other while `work` is done. */
  async function statusesDuring(work: () => Promise<void>): Promise<ReadonlySet<number>> {
    const authorization = `Bearer ${await mesh.token()}`;
    const statuses = new Set<number>();
    let asking = true;
    const load = (async () => {
      for (; asking; await sleep(10))
        statuses.add((await mesh.ask("/v1/orders", { headers: { authorization } })).status);
    })();
    await work();
    asking = false;
    await load;
    return statuses;
  }

  test("scales and restarts its services without a failed request", async () => {
    const commands = [
      ["scale", "order=3"],
      ["restart", "order"],
      ["restart", "gateway"],
      ["scale", "order=1"],
    ];
    const statuses = await statusesDuring(async () => {
      for (const [name = "", ...args] of commands) expect(await mesh.command(name, ...args)).toMatchObject({ code: 0 });
    });
    expect([...statuses]).toEqual([200]);
    expect((await mesh.status()).components.filter(({ component }) => component === "order")).toHaveLength(1);
  }, 90_000);

  test.each([
    ["certificates", []],
    ["certificates of a new authority", ["authority"]],
  ])(
    "shows new %s without a restart or a failed request",
    async (_title, more) => {
      const before = await mesh.status();
      const served = () =>
        Promise.all(before.components.map(({ component, port = 0 }) => servedSerial(component, port)));
      const serials = new Set((await served()).filter((serial) => serial !== undefined));
      const statuses = await statusesDuring(async () => {
        const { code, out } = await mesh.command("certs", "--rotate", ...more);
        expect([code, out]).toEqual([0, expect.stringContaining("kept: none")]);
        const old = async () => (await served()).filter((serial) => serial !== undefined && serials.has(serial));
        await expect.poll(old, { timeout: 10_000 }).toEqual([]);
      });
      expect([...statuses]).toEqual([200]);
      const after = await mesh.status();
      expect(after).toMatchObject({ healthy: true });
      expect(after.components.map(({ pid }) => pid)).toEqual(before.components.map(({ pid }) => pid));
    },
    60_000,
  );

  /** Serial number of the certificate that a new connection to the port meets; of those whose connections begin with TLS. */
  async function servedSerial(component: string, port: number): Promise<string | undefined> {
    if (component === "nats" || component === "database") return undefined;
    const socket = connectTls({
      port,
      host: "127.0.0.1",
      ...material("operator"),
      checkServerIdentity: () => undefined,
    });
    await once(socket, "secureConnect");
    const serial = socket.getPeerX509Certificate()?.serialNumber;
    socket.destroy();
    return serial;
  }

  test("uses a new secret without a restart, and takes what the one before it has signed", async () => {
    const before = await mesh.token();
    expect(await mesh.command("secrets", "--rotate", "jwt")).toMatchObject({ code: 0 });
    const ask = async (token: string) =>
      (await mesh.ask("/v1/orders", { headers: { authorization: `Bearer ${token}` } })).status;
    const after = await mesh.token();
    await expect.poll(() => ask(after), { timeout: 10_000 }).toBe(200);
    expect(await ask(before)).toBe(200);
  }, 30_000);

  test("shows its logs", async () => {
    const { code, out } = await mesh.command("logs", "gateway", "--lines", "5");
    expect(code).toBe(0);
    expect(out).toMatch(/^gateway-\d+ +\S/);
    expect(await mesh.command("logs", "nobody")).toMatchObject({ code: 2 });
  });

  test.each([
    [["restart", "nobody"], 'there is no "nobody"'],
    [["restart"], "say which COMPONENT"],
    [["scale", "order=x"], "order=2"],
    [["scale", "order=2", "gateway=2"], "too many arguments"],
    [["status", "--verbose"], "--verbose"],
  ])("%j makes no sense", async ([name = "", ...args], words) => {
    const { code, err } = await mesh.command(name, ...args);
    expect(code).toBe(2);
    expect(err).toContain(words);
  });

  test("keeps its secrets and keys to its owner", async () => {
    const secret = readFileSync(join(mesh.dataDir, "secrets/jwt"), "utf8").trim();
    const environments = (await mesh.status()).components.map(({ pid }) =>
      readFileSync(`/proc/${pid}/environ`, "utf8"),
    );
    expect(environments.filter((environment) => environment.includes(secret))).toEqual([]);
  });

  test("a service's account reads and writes rows and changes no table", async () => {
    const connection = await createConnection({
      uri: readFileSync(join(mesh.dataDir, "secrets/database-url-order"), "utf8").trim(),
      ssl: material("order"),
    });
    onTestFinished(() => connection.destroy());
    await connection.query("select count(*) from orders");
    await expect(connection.query("create table mine (id int)")).rejects.toThrow("CREATE command denied");
    await expect(connection.query("drop table orders")).rejects.toThrow("DROP command denied");
  });

  test("an account is worth nothing with somebody else's certificate, or with none", async () => {
    const uri = readFileSync(join(mesh.dataDir, "secrets/database-url-order"), "utf8").trim();
    await expect(createConnection({ uri, ssl: material("gateway") })).rejects.toThrow("Access denied");
    await expect(createConnection({ uri })).rejects.toThrow(/insecure transport|Access denied/);
  });

  test("who is not to publish orders cannot, and nobody connects to NATS without a certificate", async () => {
    const servers = `127.0.0.1:${(await mesh.status()).components.find(({ name }) => name === "nats")?.port}`;
    const gateway = await connect({ servers, tls: material("gateway"), reconnect: false });
    onTestFinished(() => gateway.close());
    await expect(gateway.request("seckill.order", "{}")).rejects.toMatchObject({ code: "PERMISSIONS_VIOLATION" });
    await expect(connect({ servers, tls: { ca: material("gateway").ca }, reconnect: false })).rejects.toThrow();
  });

  test("stops, and nothing is left", async () => {
    const { components } = await mesh.status();
    expect(await mesh.command("stop")).toMatchObject({ code: 0 });
    expect(await mesh.ended).toMatchObject({ code: 0 });
    expect(components.map(({ pid }) => identifyProcess(pid ?? 0))).toEqual(components.map(() => undefined));
    expect(identifyProcess(mesh.pid)).toBeUndefined();
    for (const [name, expected] of [
      ["status", 3],
      ["restart", 3],
      ["stop", 0],
    ] as const) {
      expect(await mesh.command(name, ...(name === "restart" ? ["order"] : []))).toMatchObject({ code: expected });
    }
  }, 60_000);
});

function gone(components: readonly { readonly pid: number | undefined }[]): void {
  expect(components.filter(({ pid }) => identifyProcess(pid ?? 0) !== undefined)).toEqual([]);
}

test(
  "Ctrl-C ends everything in order, PostgreSQL this time",
  async () => {
    const mesh = await startMesh({ MESH_DATABASE: "postgres" });
    onTestFinished(() => mesh.stop(), startMs);
    const authorization = `Bearer ${await mesh.token()}`;
    expect((await mesh.ask("/v1/orders", { headers: { authorization } })).status).toBe(200);
    const { components } = await mesh.status();
    expect(await mesh.signal("SIGINT")).toMatchObject({ code: 0 });
    gone(components);
    const stops = [...mesh.output().matchAll(/stopping (\w+)$/gm)].map(([, name]) => name);
    expect(stops).toEqual(["gateway", "order", "envoy", "mesh", "nats", "database"]);
  },
  startMs,
);

test(
  "a new start ends what a dead supervisor left, and finds its ports and its data again",
  async () => {
    const first = await startMesh();
    onTestFinished(() => first.stop(), startMs);
    const { components } = await first.status();
    await first.signal("SIGKILL");
    expect(await first.command("status")).toMatchObject({ code: 3 });
    const second = await startMesh({}, first.dataDir);
    onTestFinished(() => second.stop(), startMs);
    gone(components);
    expect(second.edge).toBe(first.edge);
    const status = await second.status();
    expect(status.healthy).toBe(true);
    expect(await second.signal("SIGTERM")).toMatchObject({ code: 0 });
    gone(status.components);
  },
  startMs,
);

test(
  "the background start comes back when all is ready, and leaves a busy port to whoever has it",
  async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    const mesh = meshIn(temporaryDirectory("mesh"), { MESH_EDGE_PORT: String(port) });
    onTestFinished(async () => void (await mesh.command("stop")), startMs);
    const { code, out } = await mesh.command("start", "--detach", "--scale", "order=2");
    expect(code).toBe(0);
    expect(out).toContain(`port ${port} is busy`);
    expect(out.trim().split("\n").at(-1)).toMatch(/^ready https:\/\/127\.0\.0\.1:\d+$/);
    const { components } = await mesh.status();
    expect(components.filter(({ component }) => component === "order")).toHaveLength(2);
  },
  startMs,
);
