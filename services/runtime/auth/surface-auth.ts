import { fail } from "../errors/fail.ts";
import { type ApiKey, findApiKey } from "./api-keys.ts";
import type { Authenticate, HeaderReader } from "./authenticator.ts";
import type { VerifyToken } from "./jwt.ts";
import { anonymous, localAdministrator, type Principal, type Role } from "./principal.ts";

/**
 * Who may come through a legacy surface: `anonymous` everybody, as the surface's own principal; `apikey` and `jwt`
 * only who proves it; `open` as the whole server does on loopback.
 */
export type SurfaceRule = "open" | "anonymous" | "apikey" | "jwt";

export interface SurfaceAuthOptions {
  /** The surface's name: its principal is `surface:<name>`. */
  readonly surface: string;
  readonly rule: SurfaceRule;
  /** Absent where the server has no keys. */
  readonly verifyToken?: VerifyToken;
  readonly apiKeys?: readonly ApiKey[];
  /** Whether the surface's own principal and its API keys see names, addresses and phones. Default false. */
  readonly seesPersonalData?: boolean;
}

/**
 * The authentication of one surface. Legacy clients send tokens with and without `Bearer ` (minishop.md 1.6); tokens in
 * the URL or in cookies are not taken: URLs are logged, and cookies are sent by any page.
 */
export function createSurfaceAuthenticator(options: SurfaceAuthOptions): Authenticate {
  const { surface, rule, verifyToken, apiKeys = [], seesPersonalData = false } = options;
  if (rule === "apikey" && apiKeys.length === 0) throw new Error(`surface ${surface} has rule apikey and no keys`);
  if (rule === "jwt" && verifyToken === undefined) throw new Error(`surface ${surface} has rule jwt and no keys`);

  const own = surfacePrincipal("surface", `surface:${surface}`, "user");
  const withoutCredentials = { open: localAdministrator, anonymous: own, apikey: anonymous, jwt: anonymous }[rule];

  return async (header) => {
    const token = credential(header);
    if (token === undefined) return withoutCredentials;
    const byKey = rule === "jwt" ? undefined : fromApiKey(token);
    if (byKey !== undefined) return byKey;
    if (rule === "anonymous") return verifiedOr(own, token);
    if (rule === "apikey" || verifyToken === undefined) throw fail("UNAUTHENTICATED");
    return verifyToken(token);
  };

  async function verifiedOr(otherwise: Principal, token: string): Promise<Principal> {
    try {
      return (await verifyToken?.(token)) ?? otherwise;
    } catch {
      return otherwise;
    }
  }

  function fromApiKey(candidate: string): Principal | undefined {
    const key = findApiKey(apiKeys, candidate);
    if (key === undefined) return undefined;
    // The start of the hash names the key in audits without telling it.
    return surfacePrincipal("apikey", `apikey:${surface}:${key.digest.toString("hex", 0, 4)}`, key.role);
  }

  function surfacePrincipal(kind: "surface" | "apikey", id: string, role: Role): Principal {
    return { id, roles: new Set([role]), kind, surface, seesPersonalData };
  }
}

function credential(header: HeaderReader): string | undefined {
  const key = header.get("x-api-key")?.trim();
  if (key) return key;
  const token = header
    .get("authorization")
    ?.replace(/^bearer( +|$)/i, "")
    .trim();
  return token || undefined;
}
