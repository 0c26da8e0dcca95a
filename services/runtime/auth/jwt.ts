import {
  createRemoteJWKSet,
  errors,
  type JWTHeaderParameters,
  type JWTPayload,
  type JWTVerifyOptions,
  type JWTVerifyResult,
  jwtVerify,
} from "jose";
import { fail } from "../errors/fail.ts";
import { verifyWithSecrets } from "./hmac-jwt.ts";
import { knownRoles, type Principal, type Role } from "./principal.ts";
import type { SecretRing } from "./secret-ring.ts";
import { TokenMemory } from "./token-memory.ts";

/** Where keys come from: a shared secret (HS256; several while it is rotated) or the issuer's published keys. */
export type JwtKeys = { readonly secrets: SecretRing } | { readonly jwksUrl: URL };

export interface JwtOptions {
  readonly keys: JwtKeys;
  /** Required claims where given; mode `jwt` always gives both (`createAuthenticator`). */
  readonly issuer?: string;
  readonly audience?: string;
}

/** Verifies an access token, at once if it is known. Rejects with UNAUTHENTICATED, TOKEN_EXPIRED, or SERVICE_UNAVAILABLE when keys cannot be had. */
export type VerifyToken = (token: string) => Principal | Promise<Principal>;

/** Real access tokens are 0.5 to 2 KiB; more is somebody's attempt to keep us busy. */
const maximumTokenLength = 8192;
const clockSkewSeconds = 60;
const jwksMaxAgeMs = 10 * 60_000;
const jwksTimeoutMs = 5_000;

/** Verified tokens are remembered this long: a signature costs more than the rest of a cheap call. */
const rememberMs = 60_000;
const rememberAtMost = 10_000;

/** Each kind of key has its own algorithms, so that a public key is never taken for an HMAC secret (RFC 8725, 3.1). */
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

/** Header `typ` of tokens that are for use with an API: RFC 7519, 5.1 and RFC 9068, 2.1. */
const tokenTypes: ReadonlySet<string> = new Set(["jwt", "at+jwt", "application/at+jwt"]);
/** Claims with which issuers tell access tokens from refresh and identity tokens, and what they then say. */
const usageClaims = ["type", "typ", "token_type", "token_use"] as const;
const accessUsages: ReadonlySet<unknown> = new Set([undefined, "access", "bearer"]);

/** Throws when a secret is too short. */
export function createJwtVerifier(options: JwtOptions): VerifyToken {
  const { keys } = options;
  const verifySignature = signatureVerifier(keys);
  let remembered = new TokenMemory(rememberAtMost);
  let secrets = secretsOf(keys);

  return (token) => {
    // A secret that was taken away vouches for nobody any more.
    if (secrets !== secretsOf(keys)) {
      secrets = secretsOf(keys);
      remembered = new TokenMemory(rememberAtMost);
    }
    return remembered.get(token) ?? verifyAnew(token, remembered);
  };

  async function verifyAnew(token: string, memory: TokenMemory): Promise<Principal> {
    if (token.length > maximumTokenLength) throw refused("the token is too long");
    const { payload, protectedHeader } = await verify(token);
    const principal = principalOf(payload, protectedHeader);
    memory.set(token, principal, Math.min(Date.now() + rememberMs, (payload.exp ?? 0) * 1000));
    return principal;
  }

  async function verify(token: string): Promise<JWTVerifyResult> {
    try {
      return await verifySignature(token, {
        issuer: options.issuer,
        audience: options.audience,
        requiredClaims: ["exp"],
        clockTolerance: clockSkewSeconds,
      });
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw fail("TOKEN_EXPIRED", { cause: error });
      if (isTokensFault(error)) throw refused("the token is not valid", error);
      throw fail("SERVICE_UNAVAILABLE", { message: "the token issuer's keys cannot be read", cause: error });
    }
  }
}

type VerifySignature = (token: string, options: JWTVerifyOptions) => Promise<JWTVerifyResult>;

function signatureVerifier(keys: JwtKeys): VerifySignature {
  if ("secrets" in keys) return verifyWithSecrets(keys.secrets);
  const key = createRemoteJWKSet(keys.jwksUrl, { cacheMaxAge: jwksMaxAgeMs, timeoutDuration: jwksTimeoutMs });
  return (token, options) => jwtVerify(token, key, { ...options, algorithms: publicKeyAlgorithms });
}

function secretsOf(keys: JwtKeys): readonly string[] | undefined {
  return "secrets" in keys ? keys.secrets.current : undefined;
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

function principalOf(payload: JWTPayload, header: JWTHeaderParameters): Principal {
  if (!isAccessToken(payload, header)) throw refused("this is not an access token");
  const id = subjectOf(payload);
  if (id === undefined) throw refused("the token names no subject");
  return { id, roles: rolesOf(payload), kind: "jwt", seesPersonalData: true };
}

/** MiniShop's gateway issues `type: "refresh"` tokens that it then takes for access tokens (minishop.md 1.6, W23). */
function isAccessToken(payload: JWTPayload, { typ }: JWTHeaderParameters): boolean {
  if (typ !== undefined && !tokenTypes.has(typ.toLowerCase())) return false;
  return usageClaims.every((claim) => {
    const usage = payload[claim];
    return accessUsages.has(typeof usage === "string" ? usage.toLowerCase() : usage);
  });
}

/** `sub`, else `user_id` (a number in MiniShop's tokens, minishop.md 1.6), else `user_uuid` (cfmp.md 4), as text. */
function subjectOf(payload: JWTPayload): string | undefined {
  const subject: unknown = payload.sub ?? payload.user_id ?? payload.user_uuid;
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
