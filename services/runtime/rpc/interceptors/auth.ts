import type { Authenticate } from "../../auth/authenticator.ts";
import { anonymous, type Principal } from "../../auth/principal.ts";
import { fail } from "../../errors/fail.ts";
import type { Call } from "../call.ts";
import type { Interceptor } from "../interceptor.ts";
import { Access, permits } from "../policy.ts";

/**
 * Establishes who calls and whether they may. Throws UNAUTHENTICATED or PERMISSION_DENIED. A public method answers a
 * caller with bad credentials, too: an expired token must not keep its owner from logging in.
 */
export function authorize(call: Call, access: Access, authenticate: Authenticate): void | Promise<void> {
  const principal = call.established ?? authenticate(call.headers);
  if (!(principal instanceof Promise)) admit(call, access, principal);
  else if (access !== Access.PUBLIC) return principal.then((known) => admit(call, access, known));
  else return principal.catch(() => anonymous).then((known) => admit(call, access, known));
}

function admit(call: Call, access: Access, principal: Principal): void {
  call.principal = principal;
  if (permits(access, principal.roles)) return;
  throw fail(principal.kind === "anonymous" ? "UNAUTHENTICATED" : "PERMISSION_DENIED");
}

export function authInterceptor(access: Access, authenticate: Authenticate): Interceptor {
  return (next) => (request, call) => {
    const pending = authorize(call, access, authenticate);
    return pending === undefined ? next(request, call) : pending.then(() => next(request, call));
  };
}
