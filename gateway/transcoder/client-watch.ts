import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { WatchCaller } from "@ordermesh/runtime/rpc/caller-watch.ts";
import type { HttpResponse } from "./http-response.ts";

/** Tells when the client closes the connection before its reply has left; the reason is CANCELLED. */
export function watchClient(response: HttpResponse): WatchCaller {
  // As a rule there is one: a Set would cost more than all the rest.
  let watchers: readonly ((reason: unknown) => void)[] = [];
  let isGone = false;
  response.once("close", () => {
    if (response.writableFinished) return;
    isGone = true;
    for (const leave of watchers) leave(fail("CANCELLED"));
  });
  return (leave) => {
    if (isGone) leave(fail("CANCELLED"));
    else watchers = [...watchers, leave];
    return () => {
      watchers = watchers.filter((one) => one !== leave);
    };
  };
}
