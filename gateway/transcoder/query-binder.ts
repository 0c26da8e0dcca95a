import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { type AnyMessage, descend, getField, namesOf, setField } from "./field.ts";
import type { JsonBinder } from "./json-binder.ts";
import { ValueError, violation } from "./problem.ts";
import { parseQuery } from "./query.ts";
import type { Route } from "./route.ts";
import { suggest } from "./suggest.ts";
import { type ReadText, textReader } from "./text-value.ts";

/** Sets fields of a request message from a query string. Throws RequestProblem. */
export type BindQuery = (message: AnyMessage, query: string) => void;

/** A field that a parameter's name means. */
interface Target {
  readonly parents: readonly DescField[];
  readonly field: DescField;
  /** Undefined: the field cannot be written in a query. */
  readonly read: ReadText | undefined;
  /** Proto names, for violations. */
  readonly path: string;
}

/** Levels that `a.b.c` may descend: types may hold themselves, a name may not go on for ever. */
const maxLevels = 8;

/** Compiles the query side of a route: every leaf field that neither path nor body gives (google/api/http.proto). */
export function createQueryBinder(route: Route, binder: JsonBinder): BindQuery {
  const { dialect } = route.surface;
  const rules = dialect.query;
  const pathFields = new Set(route.variables.map((variable) => variable.fieldPath.join(".")));
  const fieldsOf = new Map<DescMessage, ReadonlyMap<string, DescField>>();
  const readers = new Map<DescField, ReadText | undefined>();

  return (message, query) => {
    const seen = new Set<string>();
    for (const [name, text] of parseQuery(query, rules.badEscapes)) {
      if (rules.ignored.includes(name)) continue;
      const target = resolve(name);
      if (target === undefined) continue;
      const { field, path, read } = target;
      if (read === undefined) throw violation("query", path, "cannot be given in the query");
      if (field.fieldKind !== "list" && seen.has(path)) {
        if (rules.repeatedSingular === "refuse") throw violation("query", path, "is given twice");
        if (rules.repeatedSingular === "first-wins") continue;
      }
      seen.add(path);
      assign(descend(message, target.parents), target, readParameter(read, text, path));
    }
  };

  /** Undefined: unknown, and ignored. */
  function resolve(name: string): Target | undefined {
    if (route.body === "*") return unknown(name, "this method takes no query parameters");
    const parents: DescField[] = [];
    const parts = name.split(".", maxLevels + 1);
    let known = namesIn(route.method.input);
    for (const [index, part] of parts.entries()) {
      const field = known.get(part);
      if (field === undefined || index === maxLevels) return unknownName(name, part, known);
      if (index === 0 && field === route.body) return unknown(name, "the body gives this field");
      if (index === parts.length - 1) return target(name, parents, field);
      if (field.fieldKind !== "message") return unknown(name, `${part} has no fields`);
      parents.push(field);
      known = namesIn(field.message);
    }
    return undefined;
  }

  function target(name: string, parents: readonly DescField[], field: DescField): Target | undefined {
    const path = [...parents, field].map((one) => one.name).join(".");
    if (pathFields.has(path)) return unknown(name, "the path gives this field");
    const read = readers.has(field) ? readers.get(field) : textReader(field, binder);
    readers.set(field, read);
    return { parents, field, read, path };
  }

  function namesIn(schema: DescMessage): ReadonlyMap<string, DescField> {
    const known = fieldsOf.get(schema);
    if (known !== undefined) return known;
    const names = new Map<string, DescField>();
    for (const field of schema.fields) {
      for (const name of namesOf(field, dialect.write, dialect.read.bothNames)) names.set(name, field);
    }
    fieldsOf.set(schema, names);
    return names;
  }

  function unknownName(name: string, part: string, known: ReadonlyMap<string, DescField>): undefined {
    if (rules.unknown === "ignore") return undefined;
    const meant = suggest(part, known.keys());
    const description = "there is no such query parameter";
    return unknown(name, meant === undefined ? description : `${description}; did you mean ${meant}?`);
  }

  function unknown(name: string, description: string): undefined {
    if (rules.unknown === "ignore") return undefined;
    throw violation("query", name.slice(0, 100), description, true);
  }

  function assign(holder: AnyMessage, { field, path }: Target, value: unknown): void {
    if (field.fieldKind === "list") {
      (getField(holder, field) as unknown[]).push(value);
      return;
    }
    const chosen = field.oneof === undefined ? undefined : (holder[field.oneof.localName] as { case?: string }).case;
    if (rules.repeatedSingular === "refuse" && chosen !== undefined && chosen !== field.localName) {
      throw violation("query", path, "cannot be given together with another field of its oneof");
    }
    setField(holder, field, value);
  }
}

function readParameter(read: ReadText, text: string, path: string): unknown {
  try {
    return read(text);
  } catch (error) {
    if (error instanceof ValueError) throw violation("query", path, error.message);
    throw error;
  }
}
