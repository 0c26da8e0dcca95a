import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { Access, policy } from "@ordermesh/proto/ordermesh/rpc/v1/policy_pb";
import type { Role } from "../auth/principal.ts";

export { Access };

/** What `(ordermesh.rpc.v1.policy)` says of a method. */
export interface MethodPolicy {
  readonly access: Access;
  /** Undefined: the server's default. */
  readonly defaultTimeoutMs: number | undefined;
}

/** Standard services, whose protos are not ours to annotate: anybody may ask for health and for descriptors. */
const publicPackages: ReadonlySet<string> = new Set([
  "grpc.health.v1",
  "grpc.reflection.v1",
  "grpc.reflection.v1alpha",
]);

/** Throws for a method that does not say who may call it: forgetting it must not open it. */
export function policyOf(method: DescMethod): MethodPolicy {
  if (publicPackages.has(method.parent.file.proto.package)) {
    return { access: Access.PUBLIC, defaultTimeoutMs: undefined };
  }
  const { access, defaultTimeoutMs } = getOption(method, policy);
  if (access === Access.UNSPECIFIED || Access[access] === undefined) {
    throw new Error(`${method.parent.typeName}/${method.name} has no access policy: set (ordermesh.rpc.v1.policy)`);
  }
  return { access, defaultTimeoutMs: defaultTimeoutMs === 0 ? undefined : defaultTimeoutMs };
}

const sufficientRoles: Readonly<Record<Access, readonly Role[]>> = {
  [Access.UNSPECIFIED]: [],
  [Access.PUBLIC]: [],
  [Access.USER]: ["user", "operator", "admin", "service"],
  [Access.OPERATOR]: ["operator", "admin", "service"],
  [Access.ADMIN]: ["admin"],
};

/** Whether a caller with these roles may call a method with this access. */
export function permits(access: Access, roles: ReadonlySet<Role>): boolean {
  return access === Access.PUBLIC || sufficientRoles[access].some((role) => roles.has(role));
}
