import { type Component as Installable, mariadb, postgres } from "../../components/components.ts";
import { mysql } from "../../components/mysql-debian.ts";
import type { Component } from "../component.ts";
import type { MeshContext } from "../components/context.ts";
import type { MeshValues } from "../options.ts";
import { databaseAccounts, databaseUrl, type ServiceSchema } from "./accounts.ts";
import { mysqlFamily } from "./mysql-family.ts";
import { postgresDatabase } from "./postgres.ts";

export type DatabaseKind = MeshValues["MESH_DATABASE"];

/** The database server of the mesh and how its users reach it. */
export interface MeshDatabase {
  readonly component: Component;
  /** File with the DATABASE_URL of a service. */
  urlFile(service: string): string;
  /** File with the DATABASE_URL of the account that changes a service's tables. */
  migratorUrlFile(service: string): string;
}

/** What has to be installed for it. */
export function databaseProgram(kind: DatabaseKind): Installable {
  return { mariadb, mysql, postgres }[kind];
}

export function meshDatabase(context: MeshContext, kind: DatabaseKind): MeshDatabase {
  const { secrets, ports } = context;
  const { schemas } = databaseAccounts(secrets);
  const scheme = kind === "postgres" ? "postgres" : kind;
  const urlFile = (service: string, account: "service" | "migrator") => {
    const schema = schemas.find(({ name }) => name === `ordermesh_${service}`) as ServiceSchema;
    const url = databaseUrl(scheme, ports.database, schema[account], schema.name);
    return secrets.derive(`database-url-${service}${account === "migrator" ? "-migrate" : ""}`, url);
  };
  return {
    component: kind === "postgres" ? postgresDatabase(context) : mysqlFamily(context, kind),
    urlFile: (service) => urlFile(service, "service"),
    migratorUrlFile: (service) => urlFile(service, "migrator"),
  };
}
