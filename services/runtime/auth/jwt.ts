import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { fail } from "../errors/fail.ts";
import type { Principal, Role } from "./principal.ts";
import { TokenMemory } from "./token-memory.ts";

/** Where keys come from: one shared secret (HS256) or the issuer's published keys. */
export type JwtKeys = { readonly secret: string } | { readonly jwksUrl: URL };

export interface JwtOptions {
  readonly keys: JwtKeys;
  /** Required claims where given; mode `jwt` always gives both (`createAuthenticator`). */
  readonly issuer?: string;
  readonly audience?: string;
}

/** Verifies an access token, at once if it is known. Rejects with UNAUTHENTICATED, TOKEN_EXPIRED, or SERVICE_UNAVAILABLE when keys cannot be had. */
export type VerifyToken = (token: string) => Principal | Promise<Principal>;

/** HMAC keys shorter than the hash can be guessed (RFC 7518, section 3.2). */
export const minimumSecretBytes = 32;

/** Real access tokens are 0.5 to 2 KiB; more is somebody's attempt to keep us busy. */
const maximumTokenLength = 8192;
const clockSkewSeconds = 60;
const jwksMaxAgeMs = 10 * 60_000;
const jwksTimeoutMs = 5_000;

/** Verified tokens are remembered this long: a signature costs more than the rest of a cheap call. */
const rememberMs = 60_000;
const rememberAtMost = 10_000;

/** Each kind of key has its own algorithms, so that a public key is never taken for an HMAC secret (RFC 8725, 3.1). */
const secretAlgorithms = ["HS256"];
const publicKeyAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

const knownRoles: ReadonlySet<string> = new Set<Role>(["user", "operator", "admin", "service"]);

/** Throws when a secret is too short. */
export function createJwtVerifier(options: JwtOptions): VerifyToken {
  const { key, algorithms } = keySource(options.keys);
  const remembered = new TokenMemory(rememberAtMost);

  return (token) => remembered.get(token) ?? verifyAnew(token);

  async function verifyAnew(token: string): Promise<Principal> {
    if (token.length > maximumTokenLength) throw refused("the token is too long");
    const payload = await verify(token);
    const principal = principalOf(payload);
    remembered.set(token, principal, Math.min(Date.now() + rememberMs, (payload.exp ?? 0) * 1000));
    return principal;
  }

  async function verify(token: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms,
        issuer: options.issuer,
        audience: options.audience,
        requiredClaims: ["exp"],
        clockTolerance: clockSkewSeconds,
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw fail("TOKEN_EXPIRED", { cause: error });
      if (isTokensFault(error)) throw refused("the token is not valid", error);
      throw fail("SERVICE_UNAVAILABLE", { message: "the token issuer's keys cannot be read", cause: error });
    }
  }
}

function keySource(keys: JwtKeys): { key: JWTVerifyGetKey; algorithms: string[] } {
  if ("jwksUrl" in keys) {
    const key = createRemoteJWKSet(keys.jwksUrl, { cacheMaxAge: jwksMaxAgeMs, timeoutDuration: jwksTimeoutMs });
    return { key, algorithms: publicKeyAlgorithms };
  }
  const secret = new TextEncoder().encode(keys.secret);
  if (secret.length < minimumSecretBytes) throw new Error(`a JWT secret has at least ${minimumSecretBytes} bytes`);
  return { key: async () => secret, algorithms: secretAlgorithms };
}

/** Tells a bad token from an issuer that does not answer: the first is the caller's fault, the second is not. */
function isTokensFault(error: unknown): boolean {
  return (
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWTClaimValidationFailed ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  );
}

function principalOf(payload: JWTPayload): Principal {
  // MiniShop's gateway issues `type: "refresh"` tokens that it then takes for access tokens (minishop.md 1.6, W23).
  if (payload.type !== undefined && payload.type !== "access") throw refused("this is not an access token");
  const id = subjectOf(payload);
  if (id === undefined) throw refused("the token names no subject");
  return { id, roles: rolesOf(payload), kind: "jwt", seesPersonalData: true };
}

/** `sub`, else MiniShop's numeric `user_id` (minishop.md 1.6), as text. */
function subjectOf(payload: JWTPayload): string | undefined {
  const subject: unknown = payload.sub ?? payload.user_id;
  if (typeof subject === "number" && Number.isSafeInteger(subject)) return String(subject);
  return typeof subject === "string" && subject.length > 0 && subject.length <= 255 ? subject : undefined;
}

function rolesOf(payload: JWTPayload): ReadonlySet<Role> {
  const claimed: unknown[] = Array.isArray(payload.roles) ? payload.roles : [];
  const roles = claimed.filter((role): role is Role => typeof role === "string" && knownRoles.has(role));
  return new Set<Role>(roles.length > 0 ? roles : ["user"]);
}

function refused(message: string, cause?: unknown): Error {
  return fail("UNAUTHENTICATED", { message, cause });
}
