import { createHash } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { findApiKey, parseApiKeys } from "./api-keys.ts";
import { createJwtVerifier } from "./jwt.ts";
import { anonymous, localAdministrator } from "./principal.ts";
import { SecretRing } from "./secret-ring.ts";
import { createSurfaceAuthenticator } from "./surface-auth.ts";

const secret = "0123456789abcdef0123456789abcdef";
const verifyToken = createJwtVerifier({ keys: { secrets: new SecretRing([secret]) } });
const adminToken = await new SignJWT({ sub: "boss", roles: ["admin"] })
  .setProtectedHeader({ alg: "HS256" })
  .setExpirationTime("5m")
  .sign(new TextEncoder().encode(secret));

const userKey = "user-key-0123456789";
const operatorKey = "operator-key-0123456789";
const hashedKey = "hashed-key-0123456789";
const apiKeys = parseApiKeys(
  `${userKey}, operator:${operatorKey},operator:sha256:${createHash("sha256").update(hashedKey).digest("hex")}`,
);
const unauthenticated = { code: Code.Unauthenticated };

describe("rule anonymous", () => {
  const authenticate = createSurfaceAuthenticator({ surface: "minishop", rule: "anonymous", verifyToken, apiKeys });

  test("everybody is the surface's own principal: a user, personal data masked", async () => {
    const principal = await authenticate(new Headers());
    expect(principal).toMatchObject({ id: "surface:minishop", kind: "surface", surface: "minishop" });
    expect([...principal.roles]).toEqual(["user"]);
    expect(principal.seesPersonalData).toBe(false);
  });

  test("shows personal data where the operator says so", async () => {
    const shown = createSurfaceAuthenticator({ surface: "minishop", rule: "anonymous", seesPersonalData: true });
    expect((await shown(new Headers())).seesPersonalData).toBe(true);
  });

  test("a legacy client's made-up token changes nothing", async () => {
    const principal = await authenticate(new Headers({ authorization: "Bearer fake-token" }));
    expect(principal.id).toBe("surface:minishop");
  });

  test("a good token or key makes somebody", async () => {
    expect(await authenticate(new Headers({ authorization: `Bearer ${adminToken}` }))).toMatchObject({ id: "boss" });
    expect((await authenticate(new Headers({ "x-api-key": operatorKey }))).roles.has("operator")).toBe(true);
  });
});

describe("rule apikey", () => {
  const authenticate = createSurfaceAuthenticator({ surface: "minishop", rule: "apikey", verifyToken, apiKeys });

  test("takes a key from x-api-key or as a bearer token, with its role", async () => {
    const user = await authenticate(new Headers({ "x-api-key": userKey }));
    expect(user).toMatchObject({ kind: "apikey", surface: "minishop" });
    expect([...user.roles]).toEqual(["user"]);
    const operator = await authenticate(new Headers({ authorization: `Bearer ${operatorKey}` }));
    expect([...operator.roles]).toEqual(["operator"]);
  });

  test("takes a key of which only the hash is configured", async () => {
    expect((await authenticate(new Headers({ "x-api-key": hashedKey }))).roles.has("operator")).toBe(true);
  });

  test("the principal's id does not hold the key", async () => {
    const { id } = await authenticate(new Headers({ "x-api-key": userKey }));
    expect(id).toMatch(/^apikey:minishop:[0-9a-f]{8}$/);
  });

  test("no key is nobody, a wrong one is refused, and so is a token", async () => {
    expect(await authenticate(new Headers())).toBe(anonymous);
    await expect(authenticate(new Headers({ "x-api-key": "wrong-key-0123456789" }))).rejects.toMatchObject(
      unauthenticated,
    );
    await expect(authenticate(new Headers({ authorization: `Bearer ${adminToken}` }))).rejects.toMatchObject(
      unauthenticated,
    );
  });

  test("cannot start without keys", () => {
    expect(() => createSurfaceAuthenticator({ surface: "minishop", rule: "apikey" })).toThrow("no keys");
  });
});

describe("rule jwt", () => {
  const authenticate = createSurfaceAuthenticator({ surface: "minishop", rule: "jwt", verifyToken, apiKeys });

  test("takes a token with and without Bearer", async () => {
    for (const value of [`Bearer ${adminToken}`, adminToken]) {
      expect(await authenticate(new Headers({ authorization: value }))).toMatchObject({ id: "boss" });
    }
  });

  test("no token is nobody, a bad one is refused, and a key is no token", async () => {
    expect(await authenticate(new Headers())).toBe(anonymous);
    await expect(authenticate(new Headers({ authorization: "Bearer x" }))).rejects.toMatchObject(unauthenticated);
    await expect(authenticate(new Headers({ "x-api-key": userKey }))).rejects.toMatchObject(unauthenticated);
  });
});

describe("rule open", () => {
  test("no credentials: the local administrator; a token that cannot be verified: nobody", async () => {
    const authenticate = createSurfaceAuthenticator({ surface: "minishop", rule: "open" });
    expect(await authenticate(new Headers())).toBe(localAdministrator);
    await expect(authenticate(new Headers({ authorization: "Bearer x" }))).rejects.toMatchObject(unauthenticated);
  });
});

describe("parseApiKeys", () => {
  test.each(["short", "admin:0123456789abcdef0", "sha256:12"])("refuses %s without telling it", (key) => {
    expect(() => parseApiKeys(`${userKey},${key}`)).toThrow(/^key 2 /);
  });

  test("an empty list finds nothing", () => {
    expect(findApiKey(parseApiKeys(" , "), "")).toBeUndefined();
  });
});
