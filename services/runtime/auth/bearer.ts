import { fail } from "../errors/fail.ts";
import type { HeaderReader } from "./authenticator.ts";

/**
 * The token of `Authorization: Bearer <token>` (RFC 6750, scheme in any case); undefined without the header.
 * Throws UNAUTHENTICATED for another scheme or an empty token: credentials that cannot be used are not "none".
 */
export function bearerToken(header: HeaderReader): string | undefined {
  const value = header.get("authorization");
  if (value === null) return undefined;
  const token = /^bearer +([\w\-.~+/]+=*)$/i.exec(value.trim())?.[1];
  if (token === undefined) throw fail("UNAUTHENTICATED", { message: "Authorization must be `Bearer <token>`" });
  return token;
}
