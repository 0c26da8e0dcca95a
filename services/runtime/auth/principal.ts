/** What a caller may do; a method's policy (ordermesh.rpc.v1) names the least of them that it needs. */
export type Role = "user" | "operator" | "admin" | "service";

/** Names that are roles: a token may claim anything. */
export const knownRoles: ReadonlySet<string> = new Set<Role>(["user", "operator", "admin", "service"]);

/** Who calls, however they proved it. */
export interface Principal {
  /** Subject: a user id as text, a service name, `local` for the embedded administrator. */
  readonly id: string;
  readonly roles: ReadonlySet<Role>;
  readonly kind: "anonymous" | "local" | "jwt" | "apikey" | "certificate" | "surface";
  /** The legacy surface this principal stands for, when `kind` is `surface`. */
  readonly surface?: string;
  /** False: names, addresses and phones leave masked. */
  readonly seesPersonalData: boolean;
}

/** The embedded mode's administrator: `AUTH=open` on loopback. */
export const localAdministrator: Principal = {
  id: "local",
  roles: new Set<Role>(["user", "operator", "admin"]),
  kind: "local",
  seesPersonalData: true,
};

/** A request that proved nothing. */
export const anonymous: Principal = { id: "", roles: new Set<Role>(), kind: "anonymous", seesPersonalData: false };
