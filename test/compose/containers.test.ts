import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { connect as tlsConnect } from "node:tls";
import { SignJWT } from "jose";
import { type Connection, createConnection } from "mysql2/promise";
import { connect } from "nats";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryDirectory } from "../support/temporary.ts";
import { Containers } from "./containers.ts";
import { buildImage, type Image, openFolder } from "./image.ts";
import { metricsOf, namedMetrics, scrapeTargets } from "./metrics.ts";
import { loadModel, profiles, repository, required } from "./model.ts";

const directory = temporaryDirectory("compose");
let image: Image;
let containers: Containers;

/** The commands that .env.example tells to run. */
function makeSecrets(): void {
  const example = readFileSync(join(repository, ".env.example"), "utf8");
  const lines = [...example.matchAll(/^# {3}(\S.*)$/gm)].map(([, line]) => line);
  execFileSync("sh", ["-ec", lines.join("\n")], { cwd: directory });
  // Docker mounts the files alone; here they are reached through their folder.
  openFolder(join(directory, "secrets"));
}

beforeAll(async () => {
  openFolder(directory);
  makeSecrets();
  image = buildImage();
  const secrets = Object.entries(required).map(([name, value]) => [name, value.replace(/^\./, directory)]);
  const model = loadModel(Object.fromEntries(secrets), { profiles });
  containers = new Containers(model, image, directory);
  await containers.nameHere();
  await containers.run("setup");
  await Promise.all([containers.startDatabase(), containers.startNats()]);
  await containers.run("database-accounts");
  await containers.run("migrate");
  await containers.start("order");
  await containers.start("mesh");
  await containers.startEnvoy();
  await containers.start("gateway");
  // Envoy hears of it, and asks it for its health, in a moment.
  const headers = await bearer("operator");
  const works = async () => expect(await edge("/v1/orders", { headers })).toMatchObject({ status: 200 });
  await vi.waitFor(works, { timeout: 15_000 });
}, 400_000);

afterAll(() => containers?.stop(), 60_000);

async function bearer(role: string): Promise<{ readonly authorization: string }> {
  const [secret = ""] = readFileSync(containers.path("order", "/run/secrets/jwt_secret"), "utf8").split("\n");
  const token = await new SignJWT({ roles: [role] })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(required.JWT_ISSUER ?? "")
    .setAudience(required.JWT_AUDIENCE ?? "")
    .setSubject("u-1")
    .setExpirationTime("5m")
    .sign(new TextEncoder().encode(secret));
  return { authorization: `Bearer ${token}` };
}

interface Question {
  /** A container's name, or an address. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Whose certificate is shown; unset: none. */
  readonly as?: string;
  readonly servername?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The server's certificate has to be good for `servername`. */
function ask({
  as,
  headers,
  body,
  ...question
}: Question): Promise<{ readonly status: number; readonly text: string }> {
  const file = (name: string, identity: string) => readFileSync(join(directory, "certs", identity, name));
  const own = as === undefined ? {} : { cert: file("tls.crt", as), key: file("tls.key", as) };
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const ca = file("ca.crt", as ?? "edge");
    const outgoing = request({ ...question, ...own, ca, method, agent: false, headers }, (reply) => {
      let text = "";
      reply.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      reply.on("end", () => resolve({ status: reply.statusCode ?? 0, text }));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

const edge = (path: string, more: Partial<Question> = {}) =>
  ask({ host: "envoy", port: 8443, servername: "localhost", path, ...more });

describe("the image", () => {
  test("has no development packages, no tests and nothing of the host's", () => {
    const app = join(image.root, "app");
    for (const name of ["typescript", "vitest", "@bufbuild/buf", "@biomejs/biome"]) {
      expect(existsSync(join(app, "node_modules", name)), name).toBe(false);
    }
    const files = readdirSync(app, { recursive: true, encoding: "utf8" }).filter(
      (file) => !file.includes("node_modules"),
    );
    expect(
      files.filter((file) => /\.test\.ts$|(^|\/)testing(\/|$)|^(\.git|\.env|data|secrets)(\/|$)/.test(file)),
    ).toEqual([]);
  });

  test("runs as a user without rights", () => {
    expect(image.user).toBe("node");
  });
});

describe("the mesh in containers", () => {
  test("serves REST at the edge, to whoever has a token", async () => {
    const headers = { ...(await bearer("operator")), "content-type": "application/json" };
    const activity = {
      productId: "1",
      productName: "Lamp",
      price: { currency: "CNY", minorUnits: 100 },
      totalStock: 5,
      prewarm: true,
    };
    const made = await edge("/v1/seckill/activities", { headers, body: JSON.stringify(activity) });
    expect(made).toMatchObject({ status: 200 });
    const bought = await edge("/v1/seckill/products/1:purchase", {
      headers,
      body: '{"buyerId": "u-1", "quantity": 2}',
    });
    expect(JSON.parse(bought.text)).toMatchObject({ state: "RESERVATION_STATE_RESERVED", remainingStock: "3" });
    expect(await edge("/v1/orders")).toMatchObject({ status: 401 });
  });

  test("calls a service healthy while it is ready, and not otherwise", async () => {
    expect(await containers.isHealthy("order")).toBe(true);
    expect(await containers.isHealthy("setup").catch(() => false)).toBe(false);
    await expect(containers.run("database-accounts", ["node", "deploy/healthcheck.ts"])).rejects.toThrow(
      /ECONNREFUSED/,
    );
  });

  test("starts again where everything stands: nothing is made anew", async () => {
    expect(await containers.run("setup")).toContain("authority kept; new certificates: none");
    expect(await containers.run("database-accounts")).toContain("account order has schema ordermesh_order");
    expect(await containers.run("migrate")).toContain("nothing to do");
  });

  test("takes new certificates without a restart", async () => {
    const before = await serial("order");
    await containers.run("setup", ["deploy/setup.ts", "--rotate"]);
    await expect.poll(() => serial("order"), { timeout: 10_000 }).not.toBe(before);
    await expect.poll(async () => (await edge("/v1/orders", { headers: await bearer("operator") })).status).toBe(200);
    expect(await containers.isHealthy("gateway")).toBe(true);
  });
});

function serial(service: string): Promise<string> {
  const file = (name: string) => readFileSync(join(directory, "certs", service, name));
  return new Promise((resolve, reject) => {
    const options = { cert: file("tls.crt"), key: file("tls.key"), ca: file("ca.crt") };
    const socket = tlsConnect(8080, service, options, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    }).on("error", reject);
  });
}

describe("rights", () => {
  test("a service's account works on rows and cannot change tables", async () => {
    const connection = await asAccount("order_database_url", "order");
    try {
      await connection.query("select count(*) from orders");
      await expect(connection.query("create table t (id int)")).rejects.toThrow(/denied/);
      await expect(connection.query("select * from mysql.user")).rejects.toThrow(/denied/);
    } finally {
      await connection.end();
    }
  });

  test("a password opens nothing with another's certificate", async () => {
    await expect(asAccount("order_database_url", "gateway")).rejects.toThrow(/denied/);
  });

  test("people look at the rows with their own account", async () => {
    const connection = await asAccount("database_people_url", "database-ui");
    await connection.query("select count(*) from orders");
    await connection.end();
  });

  test("the gateway may keep its entry in the registry, and publish nothing else", async () => {
    const file = (name: string) => join(directory, "certs/gateway", name);
    const tls = { certFile: file("tls.crt"), keyFile: file("tls.key"), caFile: file("ca.crt") };
    const connection = await connect({ servers: "nats:4222", tls, reconnect: false });
    try {
      await connection.request("$JS.API.STREAM.INFO.KV_MESH_REGISTRY");
      const events = connection.status()[Symbol.asyncIterator]();
      connection.publish("seckill.order");
      expect((await events.next()).value).toMatchObject({ type: "error", data: "PERMISSIONS_VIOLATION" });
    } finally {
      await connection.close();
    }
  });
});

/** An account of the database, from where its container would connect. */
function asAccount(secret: string, identity: string): Promise<Connection> {
  const url = new URL(readFileSync(join(directory, "secrets", secret), "utf8"));
  const file = (name: string) => readFileSync(join(directory, "certs", identity, name));
  return createConnection({
    host: "database",
    user: url.username,
    password: decodeURIComponent(url.password),
    database: url.pathname.slice(1),
    ssl: { cert: file("tls.crt"), key: file("tls.key"), ca: file("ca.crt"), verifyIdentity: true },
  });
}

describe("metrics", () => {
  const scrape = async (service: string, port = 8080, path = "/metrics") => {
    return ask({ host: service, port, path, as: "prometheus" });
  };

  test("every metric that the dashboard and the alerts name is there", async () => {
    // What a histogram has not seen yet is not shown.
    await edge("/v1/orders", { headers: await bearer("operator") });
    const texts = await Promise.all([
      scrape("order"),
      scrape("gateway"),
      scrape("mesh"),
      scrape("envoy", 9902, "/stats/prometheus"),
    ]);
    const exported = new Set(texts.flatMap(({ text }) => [...metricsOf(text)]));
    const named = namedMetrics();
    expect(named.length).toBeGreaterThan(20);
    // Prometheus's own.
    expect(named.filter((name) => !exported.has(name) && name !== "up")).toEqual([]);
  });

  test("Prometheus sees every job that its configuration names", async () => {
    for (const { service, port, path } of scrapeTargets()) {
      expect(await scrape(service, port, path)).toMatchObject({ status: 200 });
    }
  });

  test("nobody else reads Envoy's, and its administration stays closed", async () => {
    await expect(ask({ host: "envoy", port: 9902, path: "/stats/prometheus", as: "gateway" })).rejects.toThrow();
    expect(await scrape("envoy", 9902, "/config_dump")).toMatchObject({ status: 404 });
    expect(await edge("/metrics", { headers: await bearer("operator") })).toMatchObject({ status: 404 });
  });
});
