import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "../any.ts";
import {
  JwtAuthenticationSchema,
  type JwtProviderSchema,
  type JwtRequirementSchema,
  PerRouteConfigSchema,
} from "../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { filterNames } from "./filter-names.ts";
import { milliseconds } from "./values.ts";

export interface JwtProvider {
  /** `iss` must be this. */
  readonly issuer: string;
  /** `aud` must hold one of these: a token for somebody else is none for us. */
  readonly audiences: readonly string[];
  /** Keys: a JWK set as text, or where to fetch one and through which cluster. */
  readonly keys: { readonly inline: string } | { readonly url: string; readonly cluster: string };
  /** Passes the token on, for services that check it again. @default true: they need not trust the way to them */
  readonly forward?: boolean;
  /** Claims that services find in request headers; whatever a client put there is removed. */
  readonly claimToHeaders?: Readonly<Record<string, string>>;
  /** @default 60: clocks of two machines are that far apart at times */
  readonly clockSkewSeconds?: number;
  /** Longest lifetime of a token that is taken. @default unlimited */
  readonly maxLifetimeSeconds?: number;
}

/** What a request has to bring: a token of one of these providers. With `optional` none will do, too, but no bad one. */
export interface JwtRequirement {
  readonly providers: readonly string[];
  readonly optional?: boolean;
}

export interface JwtAuthenticationOptions {
  readonly providers: Readonly<Record<string, JwtProvider>>;
  /** By name, for routes to refer to (`jwtRequirement`). */
  readonly requirements: Readonly<Record<string, JwtRequirement>>;
  /** Requirement of every route that names none: a route that was forgotten stays shut. */
  readonly defaultRequirement: string;
}

/** Configuration of the filter that verifies JSON Web Tokens (RFC 7519). Throws RangeError for names that do not exist. */
export function jwtAuthentication(options: JwtAuthenticationOptions): Any {
  const { providers, requirements, defaultRequirement } = options;
  if (requirements[defaultRequirement] === undefined) {
    throw new RangeError(`no JWT requirement ${JSON.stringify(defaultRequirement)}`);
  }
  return packAny(JwtAuthenticationSchema, {
    providers: mapValues(providers, provider),
    requirementMap: mapValues(requirements, (one) => requirement(one, providers)),
    rules: [
      {
        match: { pathSpecifier: { case: "prefix", value: "/" } },
        requirementType: { case: "requirementName", value: defaultRequirement },
      },
    ],
    // A preflight carries no token (Fetch standard); the CORS filter answers it.
    bypassCorsPreflight: true,
  });
}

/** A route's own requirement by name, or none at all. */
export function jwtRequirement(name: string | "none"): Readonly<Record<string, Any>> {
  const requirementSpecifier =
    name === "none"
      ? ({ case: "disabled", value: true } as const)
      : ({ case: "requirementName", value: name } as const);
  return { [filterNames.jwt]: packAny(PerRouteConfigSchema, { requirementSpecifier }) };
}

function provider(options: JwtProvider): MessageInitShape<typeof JwtProviderSchema> {
  const { issuer, audiences, forward = true, clockSkewSeconds = 60, maxLifetimeSeconds } = options;
  if (issuer === "" || audiences.length === 0) throw new RangeError("a JWT provider needs an issuer and an audience");
  return {
    issuer,
    audiences: [...audiences],
    jwksSourceSpecifier: keySource(options),
    // A token without an end is a password that cannot be changed.
    requireExpiration: true,
    ...(maxLifetimeSeconds === undefined ? {} : { maxLifetime: milliseconds(maxLifetimeSeconds * 1_000) }),
    forward,
    // Only there: tokens in a query string end up in logs and histories.
    fromHeaders: [{ name: "authorization", valuePrefix: "Bearer " }],
    claimToHeaders: Object.entries(options.claimToHeaders ?? {}).map(([claimName, headerName]) => ({
      claimName,
      headerName,
    })),
    clockSkewSeconds,
    // Checking a signature costs more than a look-up; Envoy checks the times of a cached token all the same.
    jwtCacheConfig: { jwtCacheSize: 100 },
  };
}

function keySource({ keys }: JwtProvider): MessageInitShape<typeof JwtProviderSchema>["jwksSourceSpecifier"] {
  if ("inline" in keys) {
    return { case: "localJwks", value: { specifier: { case: "inlineString", value: keys.inline } } };
  }
  const value = {
    httpUri: {
      uri: keys.url,
      httpUpstreamType: { case: "cluster", value: keys.cluster } as const,
      timeout: milliseconds(5_000),
    },
    // A withdrawn key is believed for ten minutes at most.
    cacheDuration: milliseconds(600_000),
    // Fetched before the first request needs it, and again in time; a failure is tried again after a second.
    asyncFetch: { fastListener: false, failedRefetchDuration: milliseconds(1_000) },
  };
  return { case: "remoteJwks", value };
}

function requirement(
  { providers: names, optional = false }: JwtRequirement,
  providers: JwtAuthenticationOptions["providers"],
): MessageInitShape<typeof JwtRequirementSchema> {
  for (const name of names) if (providers[name] === undefined) throw new RangeError(`no JWT provider ${name}`);
  const requirements = [
    ...names.map((value) => ({ requiresType: { case: "providerName", value } as const })),
    ...(optional ? [{ requiresType: { case: "allowMissing", value: {} } as const }] : []),
  ];
  const [only] = requirements;
  if (only === undefined) throw new RangeError("a JWT requirement needs a provider");
  return requirements.length === 1 ? only : { requiresType: { case: "requiresAny", value: { requirements } } };
}

function mapValues<In, Out>(record: Readonly<Record<string, In>>, map: (value: In) => Out): Record<string, Out> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
