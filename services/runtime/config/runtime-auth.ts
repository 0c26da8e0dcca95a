import type { AuthMode } from "../auth/authenticator.ts";
import type { JwtOptions } from "../auth/jwt.ts";
import { isLoopback } from "../auth/loopback.ts";
import { SecretRing } from "../auth/secret-ring.ts";
import type { RuntimeValues } from "./runtime-options.ts";

/** No database server and no broker: everything in DATA_DIR. */
export function isEmbedded(values: RuntimeValues): boolean {
  return values.DATABASE_URL === undefined && values.NATS_URL === undefined;
}

/** AUTH, or what stands for it. Whoever gave the process a certificate lets others reach it. */
export function authMode(values: RuntimeValues): AuthMode {
  const isPrivate = isEmbedded(values) && isLoopback(values.HOST) && values.TLS_CERT_FILE === undefined;
  return values.AUTH ?? (isPrivate ? "open" : "jwt");
}

/** What tokens are verified with; undefined where no keys are configured. */
export function jwtOptions(values: RuntimeValues): JwtOptions | undefined {
  const { JWT_SECRET, JWT_JWKS_URL, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = values;
  if (JWT_SECRET !== undefined) return { keys: { secrets: new SecretRing(JWT_SECRET) }, issuer, audience };
  if (JWT_JWKS_URL !== undefined) return { keys: { jwksUrl: new URL(JWT_JWKS_URL) }, issuer, audience };
  return undefined;
}
