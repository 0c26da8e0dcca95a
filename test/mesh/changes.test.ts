import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as tlsConnect } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureCertificates } from "../../tools/mesh/certificates/store.ts";
import { freshDatabase, type TestDatabase } from "../support/databases.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { jwtSecret, startMesh, type TestMesh, token, untilRouted } from "./mesh.ts";
import { request } from "./request.ts";

const newSecret = "a-new-secret-of-tokens-in-the-tests-of-the-mesh";

let database: TestDatabase;
let secretFile: string;
let mesh: TestMesh;

beforeAll(async () => {
  database = await freshDatabase("mysql");
  secretFile = join(temporaryDirectory("secret"), "jwt");
  writeFileSync(secretFile, jwtSecret);
  mesh = await startMesh({
    DATABASE_URL: database.url ?? "",
    JWT_SECRET: "",
    JWT_SECRET_FILE: secretFile,
    DRAIN_DELAY_MS: "1000",
  });
}, 180_000);

afterAll(async () => {
  await mesh?.stop();
  await database?.drop();
});

async function read(secret = jwtSecret): Promise<number> {
  const headers = { authorization: `Bearer ${await token({}, secret)}` };
  // An RPC, straight to the service.
  const path = "/ordermesh.order.v1.OrderService/ListOrders";
  const { status } = await request(mesh, path, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: "{}",
  });
  return status;
}

/** Reads all the time, three at once, while something happens; how often each status came. */
async function readsDuring(change: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  let running = true;
  const reader = async () => {
    while (running) {
      const status = await read().catch((error: Error) => error.message);
      counts[status] = (counts[status] ?? 0) + 1;
    }
  };
  const readers = [reader(), reader(), reader()];
  await change();
  running = false;
  await Promise.all(readers);
  return counts;
}

async function orders(): Promise<readonly { readonly port: number; readonly state: string }[]> {
  const headers = { authorization: `Bearer ${await token({ roles: ["operator"] })}` };
  const { body } = await request(mesh, "/v1/mesh/instances?service=order", { headers });
  return (JSON.parse(body) as { instances: { port: number; state: string }[] }).instances;
}

describe("no read fails while", () => {
  test("an instance comes and leaves in order", async () => {
    const counts = await readsDuring(async () => {
      const added = await mesh.addOrder();
      await untilRouted(mesh.adminPort, 8);
      await sleep(500);
      await added.stop();
    });
    expect(Object.keys(counts)).toEqual(["200"]);
  }, 60_000);

  test("an instance is killed, which is gone from the registry within ten seconds", async () => {
    const counts = await readsDuring(async () => {
      const added = await mesh.addOrder();
      await untilRouted(mesh.adminPort, 8);
      await added.stop("SIGKILL");
      await expect.poll(async () => (await orders()).length, { timeout: 10_000 }).toBe(1);
    });
    expect(Object.keys(counts)).toEqual(["200"]);
  }, 60_000);

  test("the control plane restarts", async () => {
    const counts = await readsDuring(() => mesh.restartControlPlane());
    expect(Object.keys(counts)).toEqual(["200"]);
  }, 60_000);

  test("every certificate is replaced", async () => {
    const before = await edgeCertificate();
    const counts = await readsDuring(async () => {
      await ensureCertificates(mesh.certs, { rotate: "certificates" });
      await expect.poll(edgeCertificate, { timeout: 10_000 }).not.toBe(before);
      await sleep(1_500);
    });
    expect(Object.keys(counts)).toEqual(["200"]);
  }, 60_000);
});

test("a new secret of tokens counts within seconds, beside the old one, and nothing restarts", async () => {
  expect(await read(newSecret)).toBe(401);
  writeFileSync(`${secretFile}.new`, `${newSecret}\n${jwtSecret}\n`);
  renameSync(`${secretFile}.new`, secretFile);
  await expect.poll(() => read(newSecret), { timeout: 10_000 }).toBe(200);
  expect(await read(jwtSecret)).toBe(200);
}, 30_000);

function edgeCertificate(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({ host: "localhost", port: mesh.edgePort, ca: mesh.ca }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}
