import type { gatewayOptions } from "@ordermesh/gateway/config.ts";
import { createPrincipalTokens } from "@ordermesh/runtime/auth/service-token.ts";
import { ConfigError, type Problem } from "@ordermesh/runtime/config/config-error.ts";
import type { RuntimeConfig } from "@ordermesh/runtime/config/runtime-config.ts";
import { surfaceVariable } from "@ordermesh/runtime/config/runtime-options.ts";
import type { ConnectCaller } from "@ordermesh/runtime/rpc/connect-caller.ts";
import type { TlsIdentity } from "@ordermesh/runtime/tls/identity.ts";

type Config = RuntimeConfig<typeof gatewayOptions>;

/** Reaches the services in the process that runs them. Throws ConfigError. */
export async function openRemote(config: Config, identity: TlsIdentity | undefined): Promise<ConnectCaller> {
  const { ORDER_URL, ORDER_PEER, DEFAULT_TIMEOUT_MS } = config.values;
  const problems = [...addressProblems(config), ...surfaceProblems(config)];
  if (problems.length > 0 || ORDER_URL === undefined) throw new ConfigError(problems);
  // Loaded where it is used: an embedded instance is to stay small.
  const { connectCaller } = await import("@ordermesh/runtime/rpc/connect-caller.ts");
  return connectCaller({
    baseUrl: ORDER_URL,
    defaultTimeoutMs: DEFAULT_TIMEOUT_MS,
    ...(identity && ORDER_URL.startsWith("https://") && { tls: { identity, peer: ORDER_PEER } }),
    ...(config.serviceTokens && { principalToken: createPrincipalTokens(config.serviceTokens) }),
  });
}

function addressProblems({ values, definition, tls }: Config): Problem[] {
  const { ORDER_URL, ORDER_PEER } = values;
  if (ORDER_URL === undefined) {
    const what = "is unset, and this process does not run the order service";
    return [{ name: "ORDER_URL", what, allowed: `allowed: ${definition.ORDER_URL?.schema.description}` }];
  }
  if (ORDER_PEER === undefined || (tls !== undefined && ORDER_URL.startsWith("https://"))) return [];
  const allowed = "allowed: with TLS_CERT_FILE and a URL that begins with https://";
  return [{ name: "ORDER_PEER", what: "is set, and ORDER_URL is not called over mTLS", allowed }];
}

/** The callers of such a surface are somebody to the gateway alone: the service must be told. */
function surfaceProblems({ surfaces, serviceTokens, definition }: Config): Problem[] {
  if (serviceTokens !== undefined) return [];
  const rules = Object.entries(surfaces).map(([name, { rule }]) => ({ name: surfaceVariable(name, "AUTH"), rule }));
  const [own] = rules.filter(({ rule }) => rule === "anonymous" || rule === "apikey");
  if (own === undefined) return [];
  const what = `is unset, and ${own.name} is ${own.rule} while another process runs the order service`;
  const allowed = `allowed: ${definition.SERVICE_TOKEN_SECRET?.schema.description}`;
  return [{ name: "SERVICE_TOKEN_SECRET", what, allowed }];
}
