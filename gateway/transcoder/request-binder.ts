import { create, type DescField, type Message } from "@bufbuild/protobuf";
import { scalarEquals, scalarZeroValue } from "@bufbuild/protobuf/reflect";
import { type AnyMessage, descend, getField, hasPresence, setField } from "./field.ts";
import type { JsonBinder } from "./json-binder.ts";
import type { JsonTree } from "./json-tree.ts";
import type { PathSegments } from "./path.ts";
import { decodeMultiSegment, decodeSegment, PercentError } from "./percent.ts";
import { RequestProblem, ValueError, violation } from "./problem.ts";
import { createQueryBinder } from "./query-binder.ts";
import type { PathVariable, Route } from "./route.ts";
import { textReader } from "./text-value.ts";

/** The parts of a request that become the message. */
export interface RequestParts {
  readonly path: PathSegments;
  /** Segments before the template's first (RouteEntry.shift). */
  readonly shift: number;
  /** Without the question mark. */
  readonly query: string;
  /** Undefined: the request has no body, or the route takes none. */
  readonly body: JsonTree | undefined;
}

/** Makes the request message. Throws RequestProblem. */
export type BindRequest = (parts: RequestParts) => Message;

/** Compiles a route's binder: body first, then query, then path, which has the last word. */
export function createRequestBinder(route: Route, binder: JsonBinder): BindRequest {
  const schema = route.method.input;
  const bindBody = bodyBinder(route, binder);
  const bindQuery = createQueryBinder(route, binder);
  const bindPath = route.variables.map((variable) => variableBinder(route, variable, binder));
  return ({ path, shift, query, body }) => {
    if (path.malformed) throw malformedPath("malformed percent-encoding in the path");
    const message = body === undefined ? create(schema) : bindBody(body);
    const target = message as unknown as AnyMessage;
    if (query !== "") bindQuery(target, query);
    for (const bind of bindPath) bind(target, path, shift, body !== undefined);
    return message;
  };
}

function bodyBinder(route: Route, binder: JsonBinder): (tree: JsonTree) => Message {
  const schema = route.method.input;
  const { body } = route;
  if (body === "*") return binder.message(schema);
  if (body === undefined) return () => create(schema);
  const read = binder.field(body);
  return (tree) => {
    const message = create(schema);
    if (tree !== null) setField(message as unknown as AnyMessage, body, read(tree, body.name));
    return message;
  };
}

function variableBinder(
  route: Route,
  variable: PathVariable,
  binder: JsonBinder,
): (message: AnyMessage, path: PathSegments, shift: number, hasBody: boolean) => void {
  const parents = variable.fields.slice(0, -1);
  const field = variable.fields.at(-1);
  const read = field === undefined ? undefined : textReader(field, binder);
  if (field === undefined || read === undefined) throw new Error(`${variable.fieldPath.join(".")} is no path variable`);
  const name = variable.fieldPath.join(".");
  const isStrict = route.surface.dialect.pathConflict === "refuse";
  return (message, path, shift, hasBody) => {
    const value = readVariable(read, variable, path, shift, name);
    const target = descend(message, parents);
    if (isStrict && hasBody && contradicts(target, field, value)) {
      throw violation("body", name, "differs from the value in the path");
    }
    setField(target, field, value);
  };
}

function readVariable(
  read: (text: string) => unknown,
  variable: PathVariable,
  path: PathSegments,
  shift: number,
  name: string,
): unknown {
  const { start, end, multi } = variable;
  try {
    if (!multi) return read(decodeSegment(path.raw[start + shift] ?? ""));
    const segments = path.raw.slice(start + shift, end === undefined ? undefined : end + shift);
    return read(decodeMultiSegment(segments.join("/")));
  } catch (error) {
    if (error instanceof ValueError) throw violation("path", name, error.message);
    if (error instanceof PercentError) throw malformedPath(error.message);
    throw error;
  }
}

/** The body gave this field, or another of its oneof, another value. */
function contradicts(target: AnyMessage, field: DescField, value: unknown): boolean {
  const chosen = field.oneof === undefined ? undefined : (target[field.oneof.localName] as { case?: string }).case;
  if (chosen !== undefined && chosen !== field.localName) return true;
  const given = getField(target, field);
  if (given === undefined || isSame(field, given, value)) return false;
  return hasPresence(field) || !isZero(field, given);
}

function isSame(field: DescField, a: unknown, b: unknown): boolean {
  return field.fieldKind === "scalar" ? scalarEquals(field.scalar, a as never, b as never) : a === b;
}

function isZero(field: DescField, value: unknown): boolean {
  if (field.fieldKind !== "scalar") return value === 0;
  return scalarEquals(field.scalar, value as never, scalarZeroValue(field.scalar, field.longAsString) as never);
}

function malformedPath(description: string): RequestProblem {
  return new RequestProblem({ kind: "malformed", source: "path", description });
}
