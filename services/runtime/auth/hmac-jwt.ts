import { errors, type JWTVerifyOptions, type JWTVerifyResult, jwtVerify } from "jose";
import { minimumSecretBytes, type SecretRing } from "./secret-ring.ts";

/** The one algorithm: a public key must never be taken for an HMAC secret (RFC 8725, section 3.1). */
export const hmacAlgorithm = "HS256";

/**
 * Verifies HS256 tokens with any of the ring's secrets, as they are at that time. Throws at once when one of them is too
 * short; rejects with jose's errors.
 */
export function verifyWithSecrets(
  ring: SecretRing,
): (token: string, options: JWTVerifyOptions) => Promise<JWTVerifyResult> {
  for (const secret of ring.current) keyOf(secret);
  return async (token, options) => {
    let failure: unknown;
    for (const secret of ring.current) {
      try {
        return await jwtVerify(token, keyOf(secret), { ...options, algorithms: [hmacAlgorithm] });
      } catch (error) {
        // Another secret may have made it; whatever else is wrong with it is wrong with all.
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
        failure = error;
      }
    }
    throw failure;
  };
}

function keyOf(secret: string): Uint8Array {
  const key = new TextEncoder().encode(secret);
  if (key.length < minimumSecretBytes) throw new Error(`a JWT secret has at least ${minimumSecretBytes} bytes`);
  return key;
}
