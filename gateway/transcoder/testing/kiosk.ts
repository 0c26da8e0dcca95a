import type { ConnectError } from "@connectrpc/connect";
import { TimeFormat } from "@ordermesh/proto/ordermesh/rest/v1/options_pb";
import { KioskService, LibraryService } from "@ordermesh/proto/ordermesh/testing/v1/library_pb";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { httpStatusOf } from "@ordermesh/runtime/errors/inspect.ts";
import type { Caller } from "@ordermesh/runtime/rpc/caller.ts";
import { bindService } from "@ordermesh/runtime/rpc/service.ts";
import { type Dialect, proto3Json } from "../dialect.ts";
import { treeToText } from "../json-tree.ts";
import { problemToError } from "../problem.ts";
import { relay } from "../relay.ts";
import { jsonReply } from "../reply.ts";
import type { Surface } from "../surface.ts";

const contentType = "application/json; charset=utf-8";

const dialect: Dialect = {
  write: {
    ...proto3Json.write,
    names: "proto",
    int64: "number",
    enums: "number",
    time: TimeFormat.RFC3339_TRIMMED,
  },
  read: {
    maxDepth: 64,
    duplicateKeys: "last-wins",
    trailing: "ignore",
    unknownKeys: "ignore",
    keyCase: "insensitive",
    bothNames: false,
    quotedNumbers: false,
    integers: "digits",
  },
  query: { unknown: "ignore", ignored: [], repeatedSingular: "first-wins", badEscapes: "drop" },
  pathConflict: "path-wins",
};

/** A legacy surface in the manner of MiniShop: envelopes, text 404s, redirects, CORS on a part of it. */
export function createKiosk(caller: Caller): Surface {
  const binding = bindService(KioskService, {
    async getItem({ id, page }, context) {
      const { message } = await relay(caller, context).unary(LibraryService.method.getBook, {
        name: `shelves/1/books/${id}`,
      });
      return {
        msg: message.book?.title,
        data: {
          id: 9007199254740993n,
          displayName: id,
          price: "12.50",
          createdAt: { seconds: 1904119200n, nanos: 123_900_000 },
          day: { seconds: 1904119200n, nanos: 0 },
          pageSize: page,
        },
      };
    },
    async buyItem({ userId, quantity }) {
      if (quantity <= 0n) throw fail("VALIDATION", { message: "Invalid parameters" });
      if (userId === 666n) return { httpStatus: 42 };
      return quantity === 1n ? { code: 1, orderId: "SK1" } : { httpStatus: 409, code: -2 };
    },
    async cancelItem({ reason }, context) {
      context.responseHeader.set("x-kiosk", "closed");
      return { reason };
    },
    async checkItem({ name, price }) {
      return { name, price };
    },
    async health() {
      return { status: "healthy" };
    },
  });
  return {
    name: "kiosk",
    services: [binding],
    dialect,
    routing: {
      prefixes: ["/api/v1/items", "/api/v1/check", "/api/old"],
      ownPortPaths: ["/health"],
      trailingSlash: "redirect-relative",
      emptySegments: "match",
      encodedSlash: "not-found",
      head: "plain",
      options: "plain",
    },
    body: { contentTypes: "any", maxBytes: 4096 },
    contentType,
    cors: [{ prefix: "/api/v1/check", origin: "*", methods: "GET, POST", headers: "Content-Type" }],
    renderProblem(problem) {
      if (problem.kind === "not-found" || problem.kind === "method-not-allowed") {
        return { status: 404, headers: { "content-type": "text/plain" }, body: "404 page not found" };
      }
      return renderError(problemToError(problem));
    },
    renderError,
    checkBody(_method, body) {
      if (body.kind !== "json") return { reply: jsonReply(422, '{"detail":"no body"}', contentType) };
      if (body.tree instanceof Map && typeof body.tree.get("name") === "string") return { tree: body.tree };
      return { reply: jsonReply(422, `{"input":${treeToText(body.tree)}}`, contentType) };
    },
  };
}

function renderError(error: ConnectError) {
  return jsonReply(httpStatusOf(error), JSON.stringify({ error: error.rawMessage }), contentType);
}
