import { SignJWT } from "jose";
import type { Secrets } from "./secrets.ts";

export interface TokenOptions {
  readonly subject: string;
  readonly roles: readonly string[];
  readonly seconds: number;
  readonly issuer: string;
  readonly audience: string;
}

/** A token that the mesh takes, signed with its own secret. */
export function signToken(secrets: Secrets, options: TokenOptions): Promise<string> {
  return new SignJWT({ roles: [...options.roles] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(options.subject)
    .setIssuer(options.issuer)
    .setAudience(options.audience)
    .setIssuedAt()
    .setExpirationTime(`${options.seconds}s`)
    .sign(new TextEncoder().encode(secrets.value("jwt")));
}
