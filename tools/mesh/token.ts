import { readFileSync } from "node:fs";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { SignJWT } from "jose";
import type { Secrets } from "./secrets.ts";

export interface TokenOptions {
  readonly subject: string;
  readonly roles: readonly string[];
  readonly seconds: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Issuer and audience of a mesh whose operator names none. */
export const defaultIssuer = "ordermesh";

/**
 * A token that the mesh takes: signed with the secret that the environment names, else with the mesh's own. Throws
 * StartupError where somebody else issues the tokens.
 */
export function signToken(
  secrets: Secrets,
  options: TokenOptions,
  environment: Environment = process.env,
): Promise<string> {
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = environment;
  return new SignJWT({ roles: [...options.roles] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(options.subject)
    .setIssuer(issuer || defaultIssuer)
    .setAudience(audience || defaultIssuer)
    .setIssuedAt()
    .setExpirationTime(`${options.seconds}s`)
    .sign(new TextEncoder().encode(secretOf(secrets, environment)));
}

function secretOf(secrets: Secrets, environment: Environment): string {
  const { JWT_SECRET: secret, JWT_SECRET_FILE: file, JWT_JWKS_URL: issuer } = environment;
  if (issuer) throw new StartupError(`tokens are issued by ${issuer}`, "get one there");
  const lines = secret || (file ? readFileSync(file, "utf8") : secrets.value("jwt"));
  return lines.split("\n", 1)[0]?.trim() ?? "";
}
