import { Code, ConnectError } from "@connectrpc/connect";
import { LibraryService } from "@ordermesh/proto/ordermesh/testing/v1/library_pb";
import type { Principal } from "@ordermesh/runtime/auth/principal.ts";
import { localAdministrator } from "@ordermesh/runtime/auth/principal.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import type { Caller } from "@ordermesh/runtime/rpc/caller.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { createRegistry } from "@ordermesh/runtime/rpc/registry.ts";
import { bindService, type ServiceHandlers } from "@ordermesh/runtime/rpc/service.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import { incomingTrace } from "@ordermesh/runtime/telemetry/trace-context.ts";

/** A library whose books' titles say how a request goes; `contexts` has the context of every call. */
export interface Library {
  readonly caller: Caller;
  readonly contexts: CallContext[];
}

/** Runs the library in this process, behind the runtime's interceptors. */
export function createLibrary(log: Logger): Library {
  const contexts: CallContext[] = [];
  const handlers: ServiceHandlers<typeof LibraryService> = {
    async getBook({ name }, context) {
      contexts.push(context);
      const book = name.split("/")[3] ?? "";
      const failure = failures.get(book);
      if (failure !== undefined) throw failure();
      if (book === "slow") await aborted(context.signal);
      return { book: { name, title: "A title", pages: 9007199254740993n, authors: ["Lin", "林"] } };
    },
    async listBooks({ shelf, pageSize }, context) {
      contexts.push(context);
      return { books: Array.from({ length: pageSize }, (_, index) => ({ name: `shelves/${shelf}/books/${index}` })) };
    },
    async createBook({ shelf, bookId, book }, context) {
      contexts.push(context);
      context.responseHeader.set("idempotent-replayed", "true");
      context.responseHeader.set("x-internal", "secret");
      return { book: { title: book?.title, name: `shelves/${shelf}/books/${bookId}` } };
    },
    async updateBook({ book }) {
      return { book };
    },
    async moveBook({ name, otherShelf }, context) {
      contexts.push(context);
      return { name: `${name} -> ${otherShelf}` };
    },
    async echoValues({ values }) {
      return { values };
    },
  };
  const registry = createRegistry({
    bindings: [bindService(LibraryService, handlers)],
    authenticate: async (): Promise<Principal> => localAdministrator,
    observe: () => () => undefined,
    tracing: { begin: incomingTrace },
    log,
  });
  return { caller: localCaller(registry, "rest"), contexts };
}

const failures: ReadonlyMap<string, () => Error> = new Map(
  Object.entries({
    missing: () => fail("NOT_FOUND", { message: "no such book", metadata: { book: "missing" } }),
    busy: () => fail("QUEUE_FULL", { retryAfterMs: 1500 }),
    stranger: () => fail("UNAUTHENTICATED"),
    expired: () => fail("TOKEN_EXPIRED"),
    broken: () => new Error("SELECT password FROM users"),
    odd: () => new ConnectError("odd", 17 as Code),
    foreign: () => {
      const error = new ConnectError("foreign", Code.AlreadyExists);
      error.details.push({ type: "acme.v1.Thing", value: Uint8Array.of(1, 2) });
      return error;
    },
  }),
);

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}
