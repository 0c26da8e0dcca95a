import { describe, expect, test, vi } from "vitest";
import { type WatchCaller, watchCaller } from "./caller-watch.ts";

describe("watchCaller", () => {
  test("an abort tells its reason", () => {
    const controller = new AbortController();
    const leave = vi.fn();
    watchCaller(controller.signal, leave);
    controller.abort("gone");
    expect(leave.mock.calls).toEqual([["gone"]]);
  });

  test("a signal that is aborted already tells at once", () => {
    const leave = vi.fn();
    watchCaller(AbortSignal.abort("gone"), leave);
    expect(leave.mock.calls).toEqual([["gone"]]);
  });

  test("a watch that has ended is told nothing", () => {
    const controller = new AbortController();
    const leave = vi.fn();
    watchCaller(controller.signal, leave)();
    controller.abort();
    expect(leave).not.toHaveBeenCalled();
  });

  test("a transport's own watch is used as it is", () => {
    const unwatch = vi.fn();
    const own: WatchCaller = (leave) => {
      leave("gone");
      return unwatch;
    };
    const leave = vi.fn();
    watchCaller(own, leave)();
    expect(leave.mock.calls).toEqual([["gone"]]);
    expect(unwatch).toHaveBeenCalledOnce();
  });

  test("a caller that cannot leave needs no watch", () => {
    expect(watchCaller(undefined, () => undefined)()).toBeUndefined();
  });
});
