import { fail } from "../errors/fail.ts";
import { bearerToken } from "./bearer.ts";
import { createJwtVerifier, type JwtOptions, type VerifyToken } from "./jwt.ts";
import { anonymous, localAdministrator, type Principal } from "./principal.ts";
import { principalTokenHeader } from "./service-token.ts";

/** What an authenticator needs of a request's headers; names in lower case. */
export type HeaderReader = Pick<Headers, "get">;

/**
 * Tells who calls from the request's headers, at once where nothing must be waited for. Rejects (never throws) with
 * UNAUTHENTICATED or TOKEN_EXPIRED for bad credentials.
 */
export type Authenticate = (header: HeaderReader) => Principal | Promise<Principal>;

/** `open`: no credentials means the local administrator; only for loopback, behind `browserGuard`. */
export type AuthMode = "open" | "jwt";

export interface AuthenticatorOptions {
  readonly mode: AuthMode;
  /** Required in mode `jwt`, there with issuer and audience. */
  readonly jwt?: JwtOptions;
  /** Verifies what the gateway says for whom it calls; absent where the gateway's word does not count. */
  readonly verifyPrincipalToken?: VerifyToken;
}

/** Throws when mode `jwt` lacks its keys, issuer or audience: that would accept tokens made for somebody else. */
export function createAuthenticator({ mode, jwt, verifyPrincipalToken }: AuthenticatorOptions): Authenticate {
  if (mode === "jwt" && (jwt?.issuer === undefined || jwt.audience === undefined)) {
    throw new Error("AUTH=jwt needs keys, an issuer and an audience");
  }
  const verify = jwt === undefined ? refuseAll : createJwtVerifier(jwt);
  const withoutCredentials = mode === "open" ? localAdministrator : anonymous;
  return (header) => {
    try {
      const vouched = header.get(principalTokenHeader);
      if (vouched !== null) return (verifyPrincipalToken ?? refuseVouched)(vouched);
      const token = bearerToken(header);
      return token === undefined ? withoutCredentials : verify(token);
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

/** A caller who sends a token wants to be somebody: without keys we cannot tell who, so it is not the administrator. */
const refuseAll: VerifyToken = async () => {
  throw fail("UNAUTHENTICATED", { message: "this server has no keys to verify tokens: send no Authorization header" });
};

/** Whoever sends it expects to act as somebody, which must not silently become somebody else. */
const refuseVouched: VerifyToken = async () => {
  throw fail("UNAUTHENTICATED", { message: `this server takes no ${principalTokenHeader}` });
};
