import { fail } from "../errors/fail.ts";
import type { Principal, Role } from "./principal.ts";

const elevated: readonly Role[] = ["operator", "admin", "service"];

/**
 * Whether the principal may act for any user: operators, administrators and services, and the client programs of a
 * legacy surface, which speak for all their users and have no login of their own.
 */
export function actsForEveryone(principal: Principal): boolean {
  return (
    principal.kind === "surface" || principal.kind === "apikey" || elevated.some((role) => principal.roles.has(role))
  );
}

/** Throws UNAUTHENTICATED for nobody, PERMISSION_DENIED unless `ownerId` is the principal or it acts for everyone. */
export function requireOwner(principal: Principal, ownerId: string): void {
  if (principal.kind === "anonymous") throw fail("UNAUTHENTICATED");
  if (principal.id !== ownerId && !actsForEveryone(principal)) {
    throw fail("PERMISSION_DENIED", { message: "this belongs to another user" });
  }
}
