/** Attempts that the sweep makes before a failure is final (docs/contracts/minishop.md 4). */
export const mostAttempts = 3;

/** A failure older than this is not tried again by itself (milliseconds). */
export const mostAgeMs = 24 * 60 * 60_000;

const firstDelayMs = 1000;
const longestDelayMs = 30_000;

/**
 * Milliseconds to wait after `attempts` attempts: anywhere between 0 and 1 s doubled that often, at most 30 s. The
 * whole range, so that what failed together does not come back together. `random` gives a number in [0, 1).
 */
export function retryDelayMs(attempts: number, random: () => number): number {
  return Math.floor(random() * Math.min(longestDelayMs, firstDelayMs * 2 ** attempts));
}
