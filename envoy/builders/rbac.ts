import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "../any.ts";
import { RBAC_Action } from "../gen/envoy/config/rbac/v3/rbac_pb.js";
import { RBACSchema } from "../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";

/** Allows callers with one of these certificate names to call paths with one of these prefixes. */
export interface AccessRule {
  /** In logs and metrics. */
  readonly name: string;
  /** URI names, or the DNS name of a certificate without URI; "*" for every caller that the listener lets in. */
  readonly principals: readonly string[];
  readonly pathPrefixes: readonly string[];
}

/** Configuration of the filter that lets requests in by caller and path; what no rule allows gets 403. */
export function rbac(rules: readonly AccessRule[]): Any {
  const policies = rules.map(({ name, principals, pathPrefixes }) => [
    name,
    { principals: principals.map(principal), permissions: pathPrefixes.map(permission) },
  ]);
  return packAny(RBACSchema, { rules: { action: RBAC_Action.ALLOW, policies: Object.fromEntries(policies) } });
}

function principal(name: string) {
  if (name === "*") return { identifier: { case: "any", value: true } } as const;
  const value = { principalName: { matchPattern: { case: "exact", value: name } } } as const;
  return { identifier: { case: "authenticated", value } } as const;
}

function permission(prefix: string) {
  const value = { rule: { case: "path", value: { matchPattern: { case: "prefix", value: prefix } } } } as const;
  return { rule: { case: "urlPath", value } } as const;
}
