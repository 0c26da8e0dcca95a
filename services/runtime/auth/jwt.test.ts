import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { reasonOf } from "../errors/inspect.ts";
import { createJwtVerifier, type VerifyToken } from "./jwt.ts";
import { SecretRing } from "./secret-ring.ts";

const secret = "0123456789abcdef0123456789abcdef";
const issuer = "https://issuer.test";
const audience = "ordermesh";

interface SignOptions {
  readonly secret?: string;
  readonly exp?: number | string;
  readonly alg?: string;
  readonly typ?: string;
}

function sign(claims: JWTPayload, options: SignOptions = {}) {
  const token = new SignJWT({ sub: "u1", iss: issuer, aud: audience, ...claims })
    .setProtectedHeader({ alg: options.alg ?? "HS256", ...(options.typ !== undefined && { typ: options.typ }) })
    .setExpirationTime(options.exp ?? "5m");
  return token.sign(new TextEncoder().encode(options.secret ?? secret));
}

async function refusal(outcome: unknown): Promise<ConnectError> {
  const error = await Promise.resolve(outcome).then(
    () => undefined,
    (caught) => caught,
  );
  expect(error).toBeInstanceOf(ConnectError);
  return error as ConnectError;
}

const nowSeconds = () => Math.floor(Date.now() / 1000);

describe("a shared secret", () => {
  const verify = createJwtVerifier({ keys: { secrets: new SecretRing([secret]) }, issuer, audience });

  test("gives subject and roles", async () => {
    const principal = await verify(await sign({ sub: "u7", roles: ["operator", "user"] }));
    expect(principal).toMatchObject({ id: "u7", kind: "jwt", seesPersonalData: true });
    expect([...principal.roles].sort()).toEqual(["operator", "user"]);
  });

  test("without roles, or with none that we know, the caller is a user", async () => {
    for (const roles of [undefined, [], ["root"], "admin", [7]]) {
      expect([...(await verify(await sign({ roles }))).roles]).toEqual(["user"]);
    }
  });

  test("takes MiniShop's numeric user_id where there is no sub", async () => {
    expect((await verify(await sign({ sub: undefined, user_id: 7000 }))).id).toBe("7000");
  });

  test("takes CFMP's user_uuid where there is neither", async () => {
    expect((await verify(await sign({ sub: undefined, user_uuid: "8c7e" }))).id).toBe("8c7e");
  });

  test.each([{ type: "access" }, { typ: "Bearer" }, { token_use: "access" }])(
    "takes an access token: %o",
    async (claims) => {
      expect((await verify(await sign(claims))).id).toBe("u1");
    },
  );

  test.each(["JWT", "jwt", "at+jwt", "application/at+jwt"])("takes the header's type %s", async (typ) => {
    expect((await verify(await sign({}, { typ }))).id).toBe("u1");
  });

  test("refuses a token without a subject", async () => {
    for (const claims of [
      { sub: undefined },
      { sub: "" },
      { sub: undefined, user_id: 1.5 },
      { sub: "x".repeat(256) },
    ]) {
      expect((await refusal(verify(await sign(claims)))).code).toBe(Code.Unauthenticated);
    }
  });

  test.each([
    ["another secret", () => sign({}, { secret: "f".repeat(32) })],
    ["another issuer", () => sign({ iss: "https://evil.test" })],
    ["no issuer", () => sign({ iss: undefined })],
    ["another audience", () => sign({ aud: "other" })],
    ["another HMAC", () => sign({}, { alg: "HS512", secret: secret + secret })],
    [
      "no signature (alg none)",
      async () => new UnsecuredJWT({ sub: "u1" }).setIssuer(issuer).setAudience(audience).encode(),
    ],
    ["a refresh token", () => sign({ type: "refresh" })],
    ["a refresh token by its `typ`", () => sign({ typ: "Refresh" })],
    ["an identity token by its `token_use`", () => sign({ token_use: "id" })],
    ["a refresh token by its header", () => sign({}, { typ: "rt+jwt" })],
    ["not a token", async () => "abc"],
    ["an oversized token", () => sign({ padding: "x".repeat(10_000) })],
    ["not valid yet", () => sign({ nbf: nowSeconds() + 120 })],
  ])("refuses %s", async (_name, token) => {
    expect((await refusal(verify(await token()))).code).toBe(Code.Unauthenticated);
  });

  test("refuses a token that never expires", async () => {
    const token = await new SignJWT({ sub: "u1", iss: issuer, aud: audience })
      .setProtectedHeader({ alg: "HS256" })
      .sign(new TextEncoder().encode(secret));
    expect((await refusal(verify(token))).code).toBe(Code.Unauthenticated);
  });

  test("tells an expired token, allowing a minute of clock skew", async () => {
    await verify(await sign({}, { exp: nowSeconds() - 50 }));
    expect(reasonOf(await refusal(verify(await sign({}, { exp: nowSeconds() - 70 }))))).toBe("TOKEN_EXPIRED");
  });

  test("a changed payload does not pass, nor does the text name the reason in detail", async () => {
    const [header, , signature] = (await sign({})).split(".");
    const payload = Buffer.from(JSON.stringify({ sub: "u2", iss: issuer, aud: audience, exp: nowSeconds() + 60 }));
    const error = await refusal(verify(`${header}.${payload.toString("base64url")}.${signature}`));
    expect(error.rawMessage).toBe("the token is not valid");
  });

  test("refuses a short secret at start", () => {
    expect(() => createJwtVerifier({ keys: { secrets: new SecretRing(["short"]) } })).toThrow("at least 32 bytes");
  });

  test("a rotation: every secret verifies, and one that was taken away vouches for nobody, remembered or not", async () => {
    const next = "fedcba9876543210fedcba9876543210";
    const secrets = new SecretRing([secret]);
    const check = createJwtVerifier({ keys: { secrets }, issuer, audience });
    const old = await sign({});
    await check(old);
    secrets.replace([next, secret]);
    await check(old);
    await check(await sign({}, { secret: next }));
    secrets.replace([next]);
    expect((await refusal(check(old))).code).toBe(Code.Unauthenticated);
  });

  describe("remembered tokens", () => {
    afterEach(() => vi.useRealTimers());

    test("expire all the same", async () => {
      vi.useFakeTimers({ toFake: ["Date"] });
      const token = await sign({}, { exp: nowSeconds() + 10 });
      await verify(token);
      vi.setSystemTime(Date.now() + 80_000);
      expect(reasonOf(await refusal(verify(token)))).toBe("TOKEN_EXPIRED");
    });
  });
});

describe("published keys", () => {
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;
  beforeAll(async () => {
    keys = await generateKeyPair("RS256", { extractable: true });
  });

  async function withJwks(run: (verify: VerifyToken) => Promise<void>, status = 200): Promise<void> {
    const jwk = { ...(await exportJWK(keys.publicKey)), kid: "k1", alg: "RS256" };
    const server = createServer((_request, response) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ keys: [jwk] }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`);
    try {
      await run(createJwtVerifier({ keys: { jwksUrl: url }, issuer, audience }));
    } finally {
      server.close();
    }
  }

  const signed = (kid: string) =>
    new SignJWT({ sub: "u1", iss: issuer, aud: audience })
      .setProtectedHeader({ alg: "RS256", kid })
      .setExpirationTime("5m")
      .sign(keys.privateKey);

  test("verify a token of the issuer", () =>
    withJwks(async (verify) => expect((await verify(await signed("k1"))).id).toBe("u1")));

  test("refuse an unknown key id", () =>
    withJwks(async (verify) => expect((await refusal(verify(await signed("k2")))).code).toBe(Code.Unauthenticated)));

  test("refuse the public key used as an HMAC secret", () =>
    withJwks(async (verify) => {
      const token = await sign({}, { secret: await exportSPKI(keys.publicKey) });
      expect((await refusal(verify(token))).code).toBe(Code.Unauthenticated);
    }));

  test("an issuer that does not answer is unavailable, not a bad token", () =>
    withJwks(async (verify) => expect((await refusal(verify(await signed("k1")))).code).toBe(Code.Unavailable), 500));

  test("an address where nobody listens is unavailable too", async () => {
    const verify = createJwtVerifier({ keys: { jwksUrl: new URL("http://127.0.0.1:1/jwks") }, issuer, audience });
    expect((await refusal(verify(await signed("k1")))).code).toBe(Code.Unavailable);
  });
});
