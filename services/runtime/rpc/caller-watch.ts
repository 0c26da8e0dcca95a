/**
 * Tells when a caller goes away, as an AbortSignal does, for a transport that has no AbortSignal: every one costs
 * microseconds. Calls `leave` with the reason, at once if the caller has gone; what it returns ends the watch.
 */
export type WatchCaller = (leave: (reason: unknown) => void) => () => void;

/** Watches a caller, however the transport tells of it. */
export function watchCaller(
  signal: AbortSignal | WatchCaller | undefined,
  leave: (reason: unknown) => void,
): () => void {
  if (signal === undefined) return ignore;
  if (typeof signal === "function") return signal(leave);
  if (signal.aborted) {
    leave(signal.reason);
    return ignore;
  }
  const onAbort = () => leave(signal.reason);
  signal.addEventListener("abort", onAbort);
  return () => signal.removeEventListener("abort", onAbort);
}

function ignore(): void {}
