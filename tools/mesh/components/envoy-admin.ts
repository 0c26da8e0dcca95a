import { request } from "node:http";

/** Asks Envoy's administration at a Unix socket. Rejects when there is no reply. */
export function askAdmin(
  socket: string,
  method: "GET" | "POST",
  path: string,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { socketPath: socket, method, path, agent: false, signal: AbortSignal.timeout(3_000) };
    const outgoing = request(options, (reply) => {
      let body = "";
      reply.setEncoding("utf8");
      reply.on("data", (chunk: string) => {
        body += chunk;
      });
      reply.once("error", reject);
      reply.once("end", () => resolve({ status: reply.statusCode ?? 0, body }));
    });
    outgoing.once("error", reject);
    outgoing.end();
  });
}

interface HostStatus {
  readonly address: { readonly socket_address?: { readonly port_value: number } };
  readonly health_status?: { readonly eds_health_status?: string } & Readonly<Record<string, unknown>>;
}

/**
 * Whether Envoy sends requests to this port in every cluster that has it, and some cluster has it (`GET /clusters`,
 * envoy.admin.v3.Clusters): what the registry says has arrived and its own health checks pass.
 */
export async function sendsRequestsTo(adminSocket: string, port: number): Promise<boolean> {
  try {
    const { status, body } = await askAdmin(adminSocket, "GET", "/clusters?format=json");
    if (status !== 200) return false;
    const { cluster_statuses: clusters = [] } = JSON.parse(body) as {
      cluster_statuses?: { host_statuses?: HostStatus[] }[];
    };
    const hosts = clusters
      .flatMap(({ host_statuses = [] }) => host_statuses)
      .filter(({ address }) => address.socket_address?.port_value === port);
    return hosts.length > 0 && hosts.every(isHealthy);
  } catch {
    return false;
  }
}

/** Every flag of a failure is left out where it is false. */
function isHealthy({ health_status: health = {} }: HostStatus): boolean {
  const { eds_health_status: said = "HEALTHY", ...flags } = health;
  return said === "HEALTHY" && !Object.values(flags).includes(true);
}
