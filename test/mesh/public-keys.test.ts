import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startMesh, type TestMesh, token } from "./mesh.ts";
import { request } from "./request.ts";

const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });

let issuer: Server;
let mesh: TestMesh;

beforeAll(async () => {
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg: "RS256", use: "sig" }] });
  issuer = createServer((_request, response) => response.setHeader("content-type", "application/json").end(keys));
  await new Promise<void>((resolve) => issuer.listen(0, "127.0.0.1", resolve));
  const { port } = issuer.address() as AddressInfo;
  mesh = await startMesh({ JWT_SECRET: "", JWT_JWKS_URL: `http://127.0.0.1:${port}/keys` });
}, 180_000);

afterAll(async () => {
  await mesh?.stop();
  issuer.closeAllConnections();
  issuer.close();
});

async function statusWith(bearer: string): Promise<number> {
  return (await request(mesh, "/v1/orders", { headers: { authorization: `Bearer ${bearer}` } })).status;
}

test("a token that the issuer's published key verifies is let in", async () => {
  const signed = new SignJWT({ iss: "shop", aud: "ordermesh", sub: "7" })
    .setProtectedHeader({ alg: "RS256", kid: "k1" })
    .setExpirationTime("5m");
  expect(await statusWith(await signed.sign(privateKey))).toBe(200);
});

test("a token signed with the public key as a secret is not", async () => {
  expect(await statusWith(await token({}, await exportSPKI(publicKey)))).toBe(401);
});

test("a token of somebody else's key is not", async () => {
  const other = await generateKeyPair("RS256");
  const signed = new SignJWT({ iss: "shop", aud: "ordermesh", sub: "7" })
    .setProtectedHeader({ alg: "RS256", kid: "k1" })
    .setExpirationTime("5m");
  expect(await statusWith(await signed.sign(other.privateKey))).toBe(401);
});
