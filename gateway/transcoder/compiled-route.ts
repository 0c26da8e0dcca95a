import type { Message, Registry } from "@bufbuild/protobuf";
import { type AnyMessage, getField } from "./field.ts";
import { createJsonBinder, type JsonBinder } from "./json-binder.ts";
import { escapeForHtml } from "./json-escape.ts";
import { createJsonWriter, type JsonWriter } from "./json-writer.ts";
import type { Reply } from "./reply.ts";
import { type BindRequest, createRequestBinder } from "./request-binder.ts";
import type { Route } from "./route.ts";
import type { Surface } from "./surface.ts";

/** A route with everything its descriptors say worked out. */
export interface CompiledRoute {
  readonly route: Route;
  readonly bind: BindRequest;
  /** The reply of a success. Throws when the message cannot be written. */
  readonly reply: (message: Message, headers: Readonly<Record<string, string>>) => Reply;
}

/** Compiles every route; message types once a surface. `registry` resolves what google.protobuf.Any holds. */
export function compileRoutes(routes: readonly Route[], registry?: Registry): ReadonlyMap<Route, CompiledRoute> {
  const codecs = new Map<Surface, { binder: JsonBinder; writer: JsonWriter }>();
  return new Map(
    routes.map((route) => {
      const { dialect } = route.surface;
      const codec = codecs.get(route.surface) ?? {
        binder: createJsonBinder(dialect.read, dialect.write, registry),
        writer: createJsonWriter(dialect.write, registry),
      };
      codecs.set(route.surface, codec);
      return [
        route,
        { route, bind: createRequestBinder(route, codec.binder), reply: replyWriter(route, codec.writer) },
      ];
    }),
  );
}

function replyWriter(route: Route, writer: JsonWriter): CompiledRoute["reply"] {
  const { method, responseBody, statusField, surface } = route;
  const plain = responseBody === undefined ? writer.message(method.output, statusField) : writer.field(responseBody);
  const write = surface.dialect.write.htmlSafe === true ? (message: Message) => escapeForHtml(plain(message)) : plain;
  const success = route.rest?.successStatus || 200;
  return (message, headers) => {
    const own = statusField === undefined ? 0 : getField(message as unknown as AnyMessage, statusField);
    const status = typeof own === "number" && own !== 0 ? own : success;
    if (status < 200 || status > 599) throw new RangeError(`${method}: ${status} is no HTTP status of a reply`);
    if (status === 204) return { status, headers };
    return { status, headers: { "content-type": surface.contentType, ...headers }, body: write(message) };
  };
}
