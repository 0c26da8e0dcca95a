import type { Authenticate } from "../../auth/authenticator.ts";
import { anonymous } from "../../auth/principal.ts";
import { fail } from "../../errors/fail.ts";
import type { Call } from "../call.ts";
import type { Interceptor } from "../interceptor.ts";
import { Access, permits } from "../policy.ts";

/**
 * Establishes who calls and whether they may. Throws UNAUTHENTICATED or PERMISSION_DENIED. A public method answers a
 * caller with bad credentials, too: an expired token must not keep its owner from logging in.
 */
export async function authorize(call: Call, access: Access, authenticate: Authenticate): Promise<void> {
  if (call.established !== undefined) call.principal = call.established;
  else if (access === Access.PUBLIC) call.principal = await authenticate(call.headers).catch(() => anonymous);
  else call.principal = await authenticate(call.headers);
  if (permits(access, call.principal.roles)) return;
  throw fail(call.principal.kind === "anonymous" ? "UNAUTHENTICATED" : "PERMISSION_DENIED");
}

export function authInterceptor(access: Access, authenticate: Authenticate): Interceptor {
  return (next) => async (request, call) => {
    await authorize(call, access, authenticate);
    return next(request, call);
  };
}
