import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

type CollectGarbage = (options: { readonly type: "major"; readonly flavor: "last-resort" }) => void;

/**
 * Gives back what loading the program left behind: about a third of what an idle instance keeps. V8 does so by itself only
 * when memory is short. Takes up to 0.1 s, so it belongs before the first request.
 */
export function compactHeap(): void {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as CollectGarbage;
  setFlagsFromString("--no-expose-gc");
  collectGarbage({ type: "major", flavor: "last-resort" });
}
