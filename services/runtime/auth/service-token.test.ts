import { Code, type ConnectError } from "@connectrpc/connect";
import { decodeJwt, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { afterEach, expect, test, vi } from "vitest";
import { reasonOf } from "../errors/inspect.ts";
import { createAuthenticator } from "./authenticator.ts";
import { anonymous, localAdministrator, type Principal } from "./principal.ts";
import { SecretRing } from "./secret-ring.ts";
import { createPrincipalTokens, createPrincipalTokenVerifier, principalTokenHeader } from "./service-token.ts";

const secret = "0123456789abcdef0123456789abcdef";
const other = "fedcba9876543210fedcba9876543210";
const shopper: Principal = {
  id: "surface:minishop",
  roles: new Set(["user"]),
  kind: "surface",
  surface: "minishop",
  seesPersonalData: false,
};

const verify = createPrincipalTokenVerifier(new SecretRing([secret]));
const tokenOf = createPrincipalTokens(new SecretRing([secret]));

afterEach(() => vi.useRealTimers());

function forged(claims: JWTPayload, { key = secret, alg = "HS256", typ = "ordermesh-principal+jwt" } = {}) {
  const whole = { iss: "ordermesh-gateway", aud: "ordermesh-internal", sub: "u1", kind: "jwt", roles: ["admin"] };
  return new SignJWT({ ...whole, ...claims })
    .setProtectedHeader({ alg, typ })
    .setIssuedAt(claims.iat)
    .setExpirationTime(claims.exp ?? "60s")
    .sign(new TextEncoder().encode(key));
}

async function refusal(outcome: unknown): Promise<ConnectError> {
  return Promise.resolve(outcome).then(
    () => expect.unreachable("it should have been refused"),
    (error) => error as ConnectError,
  );
}

const principals: Principal[] = [
  shopper,
  {
    id: "apikey:minishop:01234567",
    roles: new Set(["operator"]),
    kind: "apikey",
    surface: "minishop",
    seesPersonalData: true,
  },
  { id: "u7", roles: new Set(["user", "operator"]), kind: "jwt", seesPersonalData: true },
  localAdministrator,
];

test.each(principals)("$kind $id arrives as the same principal", async (principal) => {
  expect(await verify(tokenOf(principal) ?? "")).toEqual(principal);
});

test("nobody gets no token", () => {
  expect(tokenOf(anonymous)).toBeUndefined();
});

test("a token lives for a minute", () => {
  const { iat = 0, exp = 0, iss, aud } = decodeJwt(tokenOf(shopper) ?? "");
  expect({ life: exp - iat, iss, aud }).toEqual({ life: 60, iss: "ordermesh-gateway", aud: "ordermesh-internal" });
});

test("a principal's token serves several calls, and is made anew long before it expires", () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const first = tokenOf(shopper);
  vi.setSystemTime(Date.now() + 15_000);
  expect(tokenOf(shopper)).toBe(first);
  vi.setSystemTime(Date.now() + 15_000);
  expect(tokenOf(shopper)).not.toBe(first);
});

const nowSeconds = () => Math.floor(Date.now() / 1000);

test.each<[string, () => Promise<string> | string]>([
  ["another secret", () => forged({}, { key: other })],
  ["another issuer", () => forged({ iss: "somebody" })],
  ["another audience", () => forged({ aud: "ordermesh" })],
  ["another HMAC", () => forged({}, { alg: "HS512", key: secret + secret })],
  ["no signature (alg none)", () => new UnsecuredJWT({ sub: "u1", kind: "jwt", roles: ["admin"] }).encode()],
  ["another type of token", () => forged({}, { typ: "JWT" })],
  ["a longer life than the gateway gives", () => forged({ iat: nowSeconds() - 300, exp: nowSeconds() + 3600 })],
  ["no subject", () => forged({ sub: undefined })],
  ["no roles", () => forged({ roles: undefined })],
  ["an unknown kind", () => forged({ kind: "root" })],
  ["what is no token", () => "abc"],
])("refuses %s", async (_, token) => {
  expect(await refusal(verify(await token()))).toMatchObject({ code: Code.Unauthenticated });
});

test("tells an expired token", async () => {
  const token = await forged({ iat: nowSeconds() - 100, exp: nowSeconds() - 40 });
  expect(reasonOf(await refusal(verify(token)))).toBe("TOKEN_EXPIRED");
});

test("a changed payload does not pass", async () => {
  const [header, , signature] = (tokenOf(shopper) ?? "").split(".");
  const claims = { ...decodeJwt(tokenOf(shopper) ?? ""), roles: ["admin"] };
  const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
  const error = await refusal(verify(`${header}.${payload}.${signature}`));
  expect(error.rawMessage).toBe(`${principalTokenHeader} is not valid`);
});

test("unknown roles are none", async () => {
  expect([...(await verify(await forged({ roles: ["user", "root"] }))).roles]).toEqual(["user"]);
});

test("a rotation of the secret: all verify, the first signs, one that was taken away vouches for nobody", async () => {
  const signing = new SecretRing([secret]);
  const verifying = new SecretRing([secret]);
  const token = createPrincipalTokens(signing);
  const check = createPrincipalTokenVerifier(verifying);
  const old = token(shopper) ?? "";
  await check(old);
  verifying.replace([other, secret]);
  await check(old);
  signing.replace([other, secret]);
  const next = token(shopper) ?? "";
  expect(next).not.toBe(old);
  expect(await check(next)).toEqual(shopper);
  verifying.replace([other]);
  expect((await refusal(check(old))).code).toBe(Code.Unauthenticated);
  expect(await check(next)).toEqual(shopper);
});

test("a short secret is refused at the start", () => {
  expect(() => createPrincipalTokens(new SecretRing(["short"]))).toThrow("at least 32 bytes");
  expect(() => createPrincipalTokenVerifier(new SecretRing(["short"]))).toThrow("at least 32 bytes");
});

const vouched = () => new Headers({ [principalTokenHeader]: tokenOf(shopper) ?? "" });
const jwt = { keys: { secrets: new SecretRing([other]) }, issuer: "i", audience: "a" };

test("a service takes the gateway's word, whatever credentials come beside it", async () => {
  const authenticate = createAuthenticator({ mode: "jwt", jwt, verifyPrincipalToken: verify });
  const header = vouched();
  header.set("authorization", "Bearer somebody-else's");
  expect(await authenticate(header)).toEqual(shopper);
});

test.each(["jwt", "open"] as const)("a service without the secret takes nobody's word (AUTH=%s)", async (mode) => {
  const error = await refusal(createAuthenticator({ mode, jwt })(vouched()));
  expect(error).toMatchObject({
    code: Code.Unauthenticated,
    rawMessage: `this server takes no ${principalTokenHeader}`,
  });
});

test("the gateway's word is no access token, even with the same secret", async () => {
  const same = {
    keys: { secrets: new SecretRing([secret]) },
    issuer: "ordermesh-gateway",
    audience: "ordermesh-internal",
  };
  const authenticate = createAuthenticator({ mode: "jwt", jwt: same });
  const error = await refusal(authenticate(new Headers({ authorization: `Bearer ${tokenOf(shopper)}` })));
  expect(error.rawMessage).toBe("this is not an access token");
});
