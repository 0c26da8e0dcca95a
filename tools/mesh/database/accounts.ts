import type { Secrets } from "../secrets.ts";

/** An account of the database server. */
export interface Account {
  readonly user: string;
  readonly password: string;
  /** The identity whose certificate it must show; the account is worth nothing without that. */
  readonly identity: string;
}

/** A service's schema with the account that works in it and the one that changes it. */
export interface ServiceSchema {
  readonly name: string;
  /** Reads and writes rows. */
  readonly service: Account;
  /** Makes and changes tables, and so does nothing but migrations. */
  readonly migrator: Account;
}

export interface Accounts {
  /** May do everything: for the supervisor, backups and repairs. */
  readonly admin: Account;
  readonly schemas: readonly ServiceSchema[];
}

/** Services with a schema of their own. */
const services = ["order"] as const;

/** Names of the secrets that accounts are made with. */
export const databaseSecrets: readonly string[] = [
  "database-admin",
  ...services.flatMap((service) => [`database-${service}`, `database-${service}-migrate`]),
];

export function databaseAccounts(secrets: Secrets): Accounts {
  return {
    admin: { user: "ordermesh_admin", password: secrets.value("database-admin"), identity: "operator" },
    schemas: services.map((service) => ({
      name: `ordermesh_${service}`,
      service: { user: `ordermesh_${service}`, password: secrets.value(`database-${service}`), identity: service },
      migrator: {
        user: `ordermesh_${service}_migrate`,
        password: secrets.value(`database-${service}-migrate`),
        identity: "operator",
      },
    })),
  };
}

/** The DATABASE_URL of an account. */
export function databaseUrl(scheme: string, port: number, { user, password }: Account, schema: string): string {
  return `${scheme}://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${schema}`;
}
