import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect as tcpConnect } from "node:net";
import { type SecureContextOptions, connect as tlsConnect } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certificateFiles } from "../../tools/mesh/certificates/store.ts";
import { startMesh, type TestMesh, token } from "./mesh.ts";
import { type RequestOptions, request } from "./request.ts";

let mesh: TestMesh;
beforeAll(async () => {
  mesh = await startMesh({ SURFACE_MINISHOP_AUTH: "anonymous" });
}, 180_000);
afterAll(() => mesh?.stop());

/** Through the gateway, and straight to the service. */
const doors: Readonly<Record<string, readonly [path: string, options: RequestOptions]>> = {
  REST: ["/v1/orders", {}],
  RPC: ["/ordermesh.order.v1.OrderService/ListOrders", { headers: { "content-type": "application/json" }, body: "{}" }],
};

async function call(door: string, headers: RequestOptions["headers"] = {}) {
  const [path, options] = doors[door] as (typeof doors)[string];
  return await request(mesh, path, { ...options, headers: { ...options.headers, ...headers } });
}

describe.each(Object.keys(doors))("%s", (door) => {
  const withToken = async (text: string | Promise<string>) => call(door, { authorization: `Bearer ${await text}` });

  test("a good token is let in", async () => {
    expect(await withToken(token())).toMatchObject({ status: 200 });
  });

  test("without a token", async () => {
    expect(await call(door)).toMatchObject({ status: 401 });
  });

  test("an expired token", async () => {
    expect(await withToken(token({ exp: Math.floor(Date.now() / 1000) - 120 }))).toMatchObject({ status: 401 });
  });

  test("a token that never expires", async () => {
    expect(await withToken(token({ exp: undefined }))).toMatchObject({ status: 401 });
  });

  test("a token of another issuer", async () => {
    expect(await withToken(token({ iss: "elsewhere" }))).toMatchObject({ status: 401 });
  });

  test("a token for another audience", async () => {
    expect(await withToken(token({ aud: "elsewhere" }))).toMatchObject({ status: 403 });
  });

  test("a token signed with another secret", async () => {
    expect(await withToken(token({}, "another-secret-of-at-least-32-characters"))).toMatchObject({ status: 401 });
  });

  test("a token with `alg: none`", async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { iss: "shop", aud: "ordermesh", sub: "7", exp: Math.floor(Date.now() / 1000) + 300 };
    expect(await withToken(`${part({ alg: "none" })}.${part(claims)}.`)).toMatchObject({ status: 401 });
  });

  test("a refresh token in the place of an access token", async () => {
    expect(await withToken(token({ type: "refresh" }))).toMatchObject({ status: 401 });
  });

  test("a token in the URL", async () => {
    const [path, options] = doors[door] as (typeof doors)[string];
    const reply = await request(mesh, `${path}?access_token=${await token()}`, options);
    expect(reply).toMatchObject({ status: 401 });
  });

  test.each(["x-ordermesh-principal", "uuid", "x-user-uuid", "x-user-id", "x-jwt-user-uuid", "user-uuid", "user-id"])(
    "an identity claimed in %s",
    async (header) => {
      expect(
        await call(door, { [header]: await token({ iss: "ordermesh-gateway", aud: "ordermesh-internal" }) }),
      ).toMatchObject({
        status: 401,
      });
    },
  );

  test("more headers than services take", async () => {
    const reply = await call(door, { authorization: `Bearer ${await token()}`, "x-filler": "a".repeat(20_000) });
    expect(reply).toMatchObject({ status: 431 });
  });

  test("a header that hides as another one", async () => {
    expect(await call(door, { x_user_id: "1" })).toMatchObject({ status: 400 });
  });

  test("a body larger than services take", async () => {
    const [path] = doors[door] as (typeof doors)[string];
    const headers = { authorization: `Bearer ${await token()}`, "content-type": "application/json" };
    const reply = await request(mesh, path, { method: "POST", headers, body: " ".repeat(1_100_000) });
    expect(reply).toMatchObject({ status: 413 });
  });
});

describe("what is not for the world", () => {
  test.each(["/internal/orders", "/internal", "/metrics", "/x/../metrics", "/%2e%2e/metrics", "/x/%2E%2E/internal/x"])(
    "%s",
    async (path) => {
      const reply = await request(mesh, path, {
        headers: { authorization: `Bearer ${await token({ roles: ["admin"] })}` },
      });
      expect(reply).toMatchObject({ status: 404 });
    },
  );
});

describe("a service's own port", () => {
  const hello = (options: SecureContextOptions) => handshake(mesh.orderPort, options);

  test("without a client certificate", async () => {
    expect(await hello({ ca: mesh.ca })).not.toBe("answered");
  });

  test("with the certificate of another service", async () => {
    expect(await hello(credentials("gateway"))).not.toBe("answered");
  });

  test("with the edge's certificate, which anybody can see and Envoy alone has", async () => {
    expect(await hello(credentials("edge"))).not.toBe("answered");
  });

  test("in plain text", async () => {
    await expect(plain(mesh.orderPort)).rejects.toThrow();
  });

  test("with Envoy's certificate it answers", async () => {
    expect(await hello(credentials("envoy"))).toBe("answered");
  });
});

describe("the inner listener", () => {
  test("without a client certificate", async () => {
    expect(await handshake(mesh.insidePort, { ca: mesh.ca })).not.toBe("answered");
  });

  test("with the certificate of a service that calls nobody", async () => {
    expect(await handshake(mesh.insidePort, credentials("order"))).not.toBe("answered");
  });

  test("a caller gets what it may call, and nothing else", async () => {
    const operator = credentials("operator");
    const allowed = await inside("/ordermesh.mesh.v1.MeshService/ListServices", operator);
    const forbidden = await inside("/ordermesh.order.v1.OrderService/ListOrders", operator);
    // The service wants a token of its own; to the other one RBAC lets nobody get that far.
    expect([allowed, forbidden]).toEqual([401, 403]);
  });
});

describe("slow clients", () => {
  test("who never end their headers lose the connection within ten seconds", async () => {
    const socket = tlsConnect({ host: "localhost", port: mesh.edgePort, ca: mesh.ca });
    socket.on("error", () => {});
    const drip = setInterval(() => socket.write("x-slow: 1\r\n"), 500);
    socket.write("GET /v1/orders HTTP/1.1\r\nhost: localhost\r\n");
    const began = performance.now();
    await new Promise((resolve) => socket.on("close", resolve).on("data", () => {}));
    clearInterval(drip);
    expect(performance.now() - began).toBeLessThan(13_000);
  }, 20_000);

  test("who never begin to speak lose it, too", async () => {
    const socket = tcpConnect({ host: "localhost", port: mesh.edgePort });
    const began = performance.now();
    await new Promise((resolve) => socket.on("close", resolve).on("data", () => {}));
    expect(performance.now() - began).toBeLessThan(13_000);
  }, 20_000);
});

describe("a surface that an operator opened to everybody", () => {
  test("works for old clients, who know no token", async () => {
    const reply = await request(mesh, "/api/v1/users/7/orders");
    expect(reply).toMatchObject({ status: 200 });
  });

  test("does nothing for them that is an operator's", async () => {
    const body = '{"status":"paid"}';
    expect(await request(mesh, "/api/v1/orders/SK1/status", { method: "PUT", body })).toMatchObject({ status: 403 });
  });

  test("does not open its neighbours", async () => {
    const statuses = ["/v1/orders", "/users/lin/orders/current"].map(
      async (path) => (await request(mesh, path)).status,
    );
    expect(await Promise.all(statuses)).toEqual([401, 401]);
  });
});

function credentials(name: string): SecureContextOptions {
  const { cert, key } = certificateFiles(mesh.certs, name);
  return { ca: mesh.ca, cert: readFileSync(cert), key: readFileSync(key) };
}

/** Whether somebody with this certificate gets an answer at all. */
function handshake(port: number, options: SecureContextOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = tlsConnect({ host: "127.0.0.1", port, ...options, checkServerIdentity: () => undefined });
    socket.on("secureConnect", () => socket.write("GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    socket.on("data", () => {
      socket.destroy();
      resolve("answered");
    });
    socket.on("error", ({ message }) => resolve(message));
    socket.on("close", () => resolve("closed"));
  });
}

/** Status of a Connect call through the inner listener. */
function inside(path: string, options: SecureContextOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({
      host: "127.0.0.1",
      port: mesh.insidePort,
      ...options,
      checkServerIdentity: () => undefined,
    });
    const head = ["host: inside", "content-type: application/json", "content-length: 2", "connection: close"];
    socket.on("secureConnect", () => socket.write(`POST ${path} HTTP/1.1\r\n${head.join("\r\n")}\r\n\r\n{}`));
    socket.on("data", (data) => resolve(Number(data.toString().split(" ")[1])));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed without an answer")));
  });
}

function plain(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: "127.0.0.1", port, path: "/readyz", agent: false }, () => resolve());
    outgoing.on("error", reject);
    outgoing.end();
  });
}
