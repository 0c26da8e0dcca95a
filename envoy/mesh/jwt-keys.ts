import { cluster } from "../builders/cluster.ts";
import type { JwtAuthenticationOptions } from "../builders/jwt.ts";
import type { Cluster } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Access, JwtKeys, JwtProvider } from "./model.ts";

/** Where the system keeps the authorities of the public web. */
const publicAuthorities = { authoritiesFile: "/etc/ssl/certs/ca-certificates.crt" };

const jwksCluster = "jwks";
const provider = "issuer";

/** What the edge asks of tokens. A route that says nothing wants one. */
export function jwtRules({ issuer, audience, keys }: JwtProvider): JwtAuthenticationOptions {
  return {
    providers: {
      [provider]: {
        issuer,
        audiences: [audience],
        keys: "secrets" in keys ? { inline: secretKeySet(keys.secrets) } : { url: keys.jwksUrl, cluster: jwksCluster },
      },
    },
    requirements: {
      token: { providers: [provider] },
      optional: { providers: [provider], optional: true },
    } satisfies Record<Exclude<Access, "public">, object>,
    defaultRequirement: "token",
  };
}

/**
 * HMAC secrets as a JWK set. `alg` pins the algorithm: a token that names another one (`none`, or RS256 with our secret for a
 * public key) fits no key (RFC 8725, section 3.1).
 */
function secretKeySet(secrets: readonly string[]): string {
  const keys = secrets.map((secret) => {
    return { kty: "oct", use: "sig", alg: "HS256", k: Buffer.from(secret, "utf8").toString("base64url") };
  });
  return JSON.stringify({ keys });
}

/** Where public keys are fetched from, if they are. */
export function jwksClusters(keys: JwtKeys | undefined): readonly Cluster[] {
  return keys !== undefined && "jwksUrl" in keys ? [webCluster(jwksCluster, new URL(keys.jwksUrl))] : [];
}

/** A server of the web, by name. */
export function webCluster(name: string, url: URL): Cluster {
  const { hostname, protocol, port } = url;
  const isTls = protocol === "https:";
  return cluster({
    name,
    protocol: "http1",
    endpoints: { from: "dns", list: [{ address: hostname, port: port === "" ? (isTls ? 443 : 80) : Number(port) }] },
    tls: isTls
      ? { servers: { authorities: publicAuthorities, names: [{ type: "dns", exact: hostname }] }, serverName: hostname }
      : undefined,
    // There is only this one.
    outlierDetection: "off",
  });
}
