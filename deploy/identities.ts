import type { Identity } from "../tools/mesh/certificates/identities.ts";

/** Somebody with a certificate in docker-compose.yml, and the user id that its container runs as: nobody else reads the key. */
export interface ContainerIdentity extends Identity {
  readonly uid: number;
}

/** User ids of the official images: `node` (NATS runs as it, too), `envoy`, `mysql`, `nobody` of Prometheus, `www-data` of phpMyAdmin. */
export const users = { node: 1000, envoy: 101, mysql: 999, prometheus: 65_534, phpmyadmin: 33 } as const;

/** `edgeHosts`: DNS names and addresses that clients know the edge by. Inside, containers go by their services' names. */
export function containerIdentities(edgeHosts: readonly string[]): readonly ContainerIdentity[] {
  const inside = (name: string, uid: number, hosts: readonly string[]) =>
    ({ name, uid, hosts, kind: "inside" }) as const;
  return [
    { name: "edge", kind: "edge", hosts: edgeHosts, uid: users.envoy },
    inside("envoy", users.envoy, ["envoy"]),
    ...["order", "gateway", "mesh"].map((name) => inside(name, users.node, [name])),
    inside("nats", users.node, ["nats"]),
    inside("database", users.mysql, ["database"]),
    // What prepares and migrates the database.
    inside("operator", users.node, []),
    inside("prometheus", users.prometheus, []),
    inside("database-ui", users.phpmyadmin, []),
  ];
}
