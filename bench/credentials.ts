import { SignJWT } from "jose";

const secret = "the benchmark's own secret, of this machine alone";
const issuer = "bench";
const audience = "ordermesh";

/** For a server that is to demand tokens, as one outside embedded mode does. */
export const jwtEnvironment: Readonly<Record<string, string>> = {
  AUTH: "jwt",
  JWT_SECRET: secret,
  JWT_ISSUER: issuer,
  JWT_AUDIENCE: audience,
};

/** An `authorization` header that such a server takes: an hour long, and with the roles (none: a buyer). */
export async function authorization(subject: string, roles: readonly string[] = []): Promise<string> {
  const token = await new SignJWT({ roles: [...roles] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(subject)
    .setIssuer(issuer)
    .setAudience(audience)
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(secret));
  return `Bearer ${token}`;
}
