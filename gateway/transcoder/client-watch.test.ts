import { EventEmitter } from "node:events";
import { reasonOf } from "@ordermesh/runtime/errors/inspect.ts";
import { describe, expect, test, vi } from "vitest";
import { watchClient } from "./client-watch.ts";
import type { HttpResponse } from "./http-response.ts";

function response(writableFinished: boolean) {
  const events = new EventEmitter();
  return {
    response: Object.assign(events, { writableFinished }) as unknown as HttpResponse,
    close: () => events.emit("close"),
  };
}

describe("watchClient", () => {
  test("tells every watcher that the client has gone", () => {
    const { response: one, close } = response(false);
    const watch = watchClient(one);
    const [first, second] = [vi.fn(), vi.fn()];
    watch(first);
    watch(second);
    close();
    expect([first, second].map((leave) => reasonOf(leave.mock.calls[0]?.[0]))).toEqual(["CANCELLED", "CANCELLED"]);
  });

  test("tells at once who comes later", () => {
    const { response: one, close } = response(false);
    const watch = watchClient(one);
    close();
    const leave = vi.fn();
    watch(leave);
    expect(leave).toHaveBeenCalledOnce();
  });

  test("tells nobody of a reply that has left, nor who stopped watching", () => {
    const leave = vi.fn();
    const sent = response(true);
    watchClient(sent.response)(leave);
    sent.close();
    const gone = response(false);
    watchClient(gone.response)(leave)();
    gone.close();
    expect(leave).not.toHaveBeenCalled();
  });
});
