import { Code } from "@connectrpc/connect";
import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { createAuthenticator } from "./authenticator.ts";
import { anonymous, localAdministrator } from "./principal.ts";
import { SecretRing } from "./secret-ring.ts";

const secret = "0123456789abcdef0123456789abcdef";
const jwt = { keys: { secrets: new SecretRing([secret]) }, issuer: "i", audience: "a" };
const token = await new SignJWT({ sub: "u1", iss: "i", aud: "a" })
  .setProtectedHeader({ alg: "HS256" })
  .setExpirationTime("5m")
  .sign(new TextEncoder().encode(secret));
const bearer = (value: string) => new Headers({ authorization: value });

describe("mode open", () => {
  test("no credentials: the local administrator", async () => {
    expect(await createAuthenticator({ mode: "open" })(new Headers())).toBe(localAdministrator);
  });

  test("a token is verified where there are keys", async () => {
    const principal = await createAuthenticator({ mode: "open", jwt })(bearer(`Bearer ${token}`));
    expect(principal).toMatchObject({ id: "u1", kind: "jwt" });
  });

  test("a token is refused where there are none: it never makes an administrator", async () => {
    await expect(createAuthenticator({ mode: "open" })(bearer(`Bearer ${token}`))).rejects.toMatchObject({
      code: Code.Unauthenticated,
    });
  });
});

describe("mode jwt", () => {
  const authenticate = createAuthenticator({ mode: "jwt", jwt });

  test("no credentials: nobody", async () => {
    expect(await authenticate(new Headers())).toBe(anonymous);
  });

  test("the scheme may be in any case", async () => {
    expect(await authenticate(bearer(`bEaReR  ${token} `))).toMatchObject({ id: "u1" });
  });

  test.each(["Basic dTpw", "Bearer", "Bearer ", token, `Bearer ${token}, Bearer ${token}`, "Bearer a b", ""])(
    "refuses Authorization: %s",
    async (value) => {
      await expect(authenticate(bearer(value))).rejects.toMatchObject({ code: Code.Unauthenticated });
    },
  );

  test("needs an issuer and an audience", () => {
    expect(() => createAuthenticator({ mode: "jwt", jwt: { keys: { secrets: new SecretRing([secret]) } } })).toThrow(
      "an issuer and an audience",
    );
    expect(() => createAuthenticator({ mode: "jwt" })).toThrow();
  });
});
