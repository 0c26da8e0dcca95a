import { mayLeave, sanitize } from "../../errors/sanitize.ts";
import type { Interceptor } from "../interceptor.ts";

/** Nothing but errors of our own table leaves a call. */
export const errorsInterceptor: Interceptor = (next) => async (request, call) => {
  try {
    return await next(request, call);
  } catch (error) {
    // Refusals are everyday answers: they need no logger of their own.
    throw mayLeave(error) ? error : sanitize(error, call.log);
  }
};
