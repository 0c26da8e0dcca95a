import { LibraryService } from "@ordermesh/proto/ordermesh/testing/v1/library_pb";
import { localAdministrator } from "@ordermesh/runtime/auth/principal.ts";
import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import { newTrace } from "@ordermesh/runtime/telemetry/trace-context.ts";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { relay } from "./relay.ts";
import { createLibrary } from "./testing/library.ts";

const log = pino({ level: "silent" });

function contextOf(deadline?: number): CallContext {
  return {
    method: LibraryService.method.createBook,
    transport: "rest",
    principal: localAdministrator,
    signal: new AbortController().signal,
    deadline,
    requestHeader: new Headers({ "idempotency-key": "k" }),
    responseHeader: new Headers(),
    trace: newTrace(),
    log,
    idempotency: undefined,
  };
}

describe("relay", () => {
  test("continues the handler's call and brings back that its answer is an old one", async () => {
    const { caller, contexts } = createLibrary(log);
    const deadline = Date.now() + 5000;
    const context = contextOf(deadline);
    await relay(caller, context).unary(LibraryService.method.createBook, { shelf: "1", bookId: "2" });
    expect(contexts[0]).toMatchObject({ principal: localAdministrator, deadline });
    expect(contexts[0]?.requestHeader.get("idempotency-key")).toBe("k");
    expect([...context.responseHeader]).toEqual([["idempotent-replayed", "true"]]);
  });

  test("a call may have options of its own", async () => {
    const { caller, contexts } = createLibrary(log);
    await relay(caller, contextOf()).unary(LibraryService.method.listBooks, {}, { header: new Headers() });
    expect(contexts[0]?.requestHeader.get("idempotency-key")).toBeNull();
  });
});
