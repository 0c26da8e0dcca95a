import { createHmac } from "node:crypto";
import { errors, type JWTPayload } from "jose";
import { fail } from "../errors/fail.ts";
import { hmacAlgorithm, verifyWithSecrets } from "./hmac-jwt.ts";
import type { VerifyToken } from "./jwt.ts";
import { knownRoles, type Principal, type Role } from "./principal.ts";
import type { SecretRing } from "./secret-ring.ts";
import { TokenMemory } from "./token-memory.ts";

/** Metadata in which the gateway tells a service for whom it calls. The edge takes it off every request from outside. */
export const principalTokenHeader = "x-ordermesh-principal";

const issuer = "ordermesh-gateway";
const audience = "ordermesh-internal";
/** Told from every other kind of token by its header (RFC 8725, section 3.11). */
const type = "ordermesh-principal+jwt";

/** A stolen one is soon worth nothing. */
const lifeSeconds = 60;
/** One token serves a principal's calls for this long (milliseconds); what is left of its life covers clocks that differ. */
const reuseMs = 20_000;
const clockSkewSeconds = 30;
const rememberAtMost = 10_000;

const kinds: ReadonlySet<unknown> = new Set<Principal["kind"]>(["local", "jwt", "apikey", "certificate", "surface"]);

/**
 * Signs for whom the gateway calls, with the ring's first secret; undefined for nobody. Throws when a secret is too short.
 */
export function createPrincipalTokens(ring: SecretRing): (principal: Principal) => string | undefined {
  verifyWithSecrets(ring);
  let made = new WeakMap<Principal, { readonly token: string; readonly until: number }>();
  let secrets = ring.current;
  return (principal) => {
    if (principal.kind === "anonymous") return undefined;
    if (secrets !== ring.current) {
      secrets = ring.current;
      made = new WeakMap();
    }
    const now = Date.now();
    const known = made.get(principal);
    if (known !== undefined && now < known.until) return known.token;
    const token = sign(principal, secrets[0] ?? "", Math.floor(now / 1000));
    made.set(principal, { token, until: now + reuseMs });
    return token;
  };
}

function sign(principal: Principal, secret: string, nowSeconds: number): string {
  const { id, roles, kind, surface, seesPersonalData } = principal;
  const claims = { sub: id, roles: [...roles], kind, surface, seesPersonalData };
  const times = { iat: nowSeconds, exp: nowSeconds + lifeSeconds };
  const parts = [
    { alg: hmacAlgorithm, typ: type },
    { iss: issuer, aud: audience, ...claims, ...times },
  ];
  const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/**
 * Verifies what `createPrincipalTokens` made. Rejects with UNAUTHENTICATED or TOKEN_EXPIRED. Throws at once when a secret
 * is too short.
 */
export function createPrincipalTokenVerifier(ring: SecretRing): VerifyToken {
  const verify = verifyWithSecrets(ring);
  let remembered = new TokenMemory(rememberAtMost);
  let secrets = ring.current;

  return (token) => {
    if (secrets !== ring.current) {
      secrets = ring.current;
      remembered = new TokenMemory(rememberAtMost);
    }
    return remembered.get(token) ?? verifyAnew(token, remembered);
  };

  async function verifyAnew(token: string, memory: TokenMemory): Promise<Principal> {
    const payload = await payloadOf(token);
    const principal = principalOf(payload);
    if (principal === undefined) throw refused(`${principalTokenHeader} names no principal`);
    memory.set(token, principal, (payload.exp ?? 0) * 1000);
    return principal;
  }

  async function payloadOf(token: string): Promise<JWTPayload> {
    try {
      const { payload } = await verify(token, {
        issuer,
        audience,
        typ: type,
        requiredClaims: ["exp", "iat"],
        maxTokenAge: lifeSeconds,
        clockTolerance: clockSkewSeconds,
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw fail("TOKEN_EXPIRED", { cause: error });
      throw refused(`${principalTokenHeader} is not valid`, error);
    }
  }
}

function principalOf({ sub, roles, kind, surface, seesPersonalData }: JWTPayload): Principal | undefined {
  if (sub === undefined || sub === "" || !kinds.has(kind) || !Array.isArray(roles)) return undefined;
  return {
    id: sub,
    roles: new Set(roles.filter((role): role is Role => typeof role === "string" && knownRoles.has(role))),
    kind: kind as Principal["kind"],
    ...(typeof surface === "string" && { surface }),
    seesPersonalData: seesPersonalData === true,
  };
}

function refused(message: string, cause?: unknown): Error {
  return fail("UNAUTHENTICATED", { message, cause });
}
