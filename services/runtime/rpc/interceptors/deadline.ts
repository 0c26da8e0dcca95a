import type { Interceptor } from "../interceptor.ts";

/**
 * Answers DEADLINE_EXCEEDED when the time is up and CANCELLED when the caller has gone, whether or not the handler looks
 * at its signal; one that does not runs on with nobody listening.
 */
export const deadlineInterceptor: Interceptor = (next) => async (request, call) => {
  call.begin();
  try {
    return await call.race(() => next(request, call));
  } finally {
    call.end();
  }
};

export interface TimeoutPolicy {
  /** When neither the caller nor the method says (milliseconds). */
  readonly defaultMs: number;
  /** A caller that wants more gets this (milliseconds). */
  readonly maximumMs: number;
}

/** When a unary call that starts now must be over (epoch milliseconds). */
export function deadlineOf(
  asked: number | undefined,
  methodDefaultMs: number | undefined,
  policy: TimeoutPolicy,
): number {
  const now = Date.now();
  return Math.min(asked ?? now + (methodDefaultMs ?? policy.defaultMs), now + policy.maximumMs);
}
