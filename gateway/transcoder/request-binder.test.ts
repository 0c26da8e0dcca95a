import { create, type Message } from "@bufbuild/protobuf";
import {
  BookSchema,
  CreateBookRequestSchema,
  EchoValuesRequestSchema,
  Genre,
  LibraryService,
  ListBooksRequestSchema,
  MoveBookRequestSchema,
  UpdateBookRequestSchema,
} from "@ordermesh/proto/ordermesh/testing/v1/library_pb";
import { describe, expect, test } from "vitest";
import { createNativeSurface } from "../surfaces/native/index.ts";
import { compileRoutes } from "./compiled-route.ts";
import { type Dialect, proto3Json } from "./dialect.ts";
import { readJson } from "./json-reader.ts";
import { type Problem, RequestProblem } from "./problem.ts";
import { createRouteTable } from "./route-table.ts";
import { createRouter } from "./router.ts";

const lax: Dialect = {
  ...proto3Json,
  read: { ...proto3Json.read, duplicateKeys: "last-wins" },
  query: { unknown: "ignore", ignored: [], repeatedSingular: "first-wins", badEscapes: "drop" },
  pathConflict: "path-wins",
};

function binderOf(dialect: Dialect) {
  const surface = { ...createNativeSurface([LibraryService]), dialect };
  const table = createRouteTable([surface], { alone: false });
  const router = createRouter(table, [surface]);
  const compiled = compileRoutes(table.routes);
  return (request: string, body?: string): Message => {
    const [method = "", target = ""] = request.split(" ");
    const [path = "", query = ""] = target.split("?");
    const resolution = router.resolve(method, path);
    if (resolution.kind !== "route") throw new Error(resolution.kind);
    const route = compiled.get(resolution.entry.route);
    const tree = body === undefined ? undefined : readJson(Buffer.from(body), dialect.read);
    if (route === undefined) throw new Error("not compiled");
    return route.bind({ path: resolution.path, shift: resolution.entry.shift, query, body: tree });
  };
}

const bind = binderOf(proto3Json);
const bindLax = binderOf(lax);

function problem(request: string, body?: string): Problem {
  try {
    bind(request, body);
  } catch (error) {
    if (error instanceof RequestProblem) return error.problem;
    throw error;
  }
  throw new Error("it was bound");
}

const values = (init: Parameters<typeof create<typeof EchoValuesRequestSchema>>[1]) =>
  create(EchoValuesRequestSchema, init);

describe("path", () => {
  test("a single segment is decoded whole, a plus stays", () => {
    expect(bind("GET /v1/values/p%20q%2Fr+")).toEqual(values({ values: { text: "p q/r+" } }));
  });

  test("many segments keep what is reserved", () => {
    expect(bind("GET /v1/files/p/foo%20foo/q/bar%2Fbar")).toEqual(
      values({ values: { text: "p/foo foo/q/bar%2Fbar" } }),
    );
    expect(bind("GET /v1/files")).toEqual(values({ values: { text: "" } }));
  });

  test("a nested field, an integer, an enum by name and by number", () => {
    expect(bind("GET /v1/numbers/-9223372036854775808")).toEqual(values({ values: { int64Value: -(2n ** 63n) } }));
    expect(bind("GET /v1/genres/GENRE_POETRY")).toEqual(values({ values: { genre: Genre.POETRY } }));
    expect(bind("GET /v1/genres/2")).toEqual(values({ values: { genre: Genre.POETRY } }));
  });

  test.each(["%", "%1", "%zz", "%ff", "%c0%af"])("refuses the encoding %s", (segment) => {
    expect(problem(`GET /v1/values/${segment}`)).toMatchObject({ kind: "malformed", source: "path" });
  });

  test.each([
    ["GET /v1/numbers/abc", "values.int64_value", "must be a number"],
    ["GET /v1/numbers/1.5", "values.int64_value", "must be an integer"],
    [
      "GET /v1/numbers/9223372036854775808",
      "values.int64_value",
      "must be -9223372036854775808 to 9223372036854775807",
    ],
    ["GET /v1/genres/NOVEL", "values.genre", "must be one of GENRE_UNSPECIFIED, GENRE_NOVEL, GENRE_POETRY"],
    ["GET /v1/values/a%00b", "values.text", "must not hold the character U+0000"],
  ])("refuses %s", (request, field, description) => {
    expect(problem(request)).toMatchObject({ kind: "field", source: "path", violation: { field, description } });
  });
});

describe("body", () => {
  test("the whole message", () => {
    expect(bind("POST /v1/shelves/1/books/2:move", '{"otherShelf":"3"}')).toEqual(
      create(MoveBookRequestSchema, { name: "shelves/1/books/2", otherShelf: "3" }),
    );
  });

  test("one field; the rest comes from path and query", () => {
    expect(bind("POST /v1/shelves/1/books?bookId=b", '{"title":"T"}')).toEqual(
      create(CreateBookRequestSchema, { shelf: "1", bookId: "b", book: { title: "T" } }),
    );
  });

  test("the path goes into the body's message, too", () => {
    expect(bind("PATCH /v1/shelves/1/books/2?updateMask=title,pages", '{"title":"T"}')).toEqual(
      create(UpdateBookRequestSchema, {
        book: create(BookSchema, { name: "shelves/1/books/2", title: "T" }),
        updateMask: { paths: ["title", "pages"] },
      }),
    );
  });

  test("none: an empty message, or the field unset", () => {
    expect(bind("POST /v1/shelves/1/books/2:move")).toEqual(
      create(MoveBookRequestSchema, { name: "shelves/1/books/2" }),
    );
    expect(bind("POST /v1/shelves/1/books")).toEqual(create(CreateBookRequestSchema, { shelf: "1" }));
    expect(bind("POST /v1/shelves/1/books", "null")).toEqual(create(CreateBookRequestSchema, { shelf: "1" }));
  });

  test("a value that the path gives, too, must be the same", () => {
    const path = "POST /v1/shelves/1/books/2:move";
    expect(bind(path, '{"name":"shelves/1/books/2"}')).toMatchObject({ name: "shelves/1/books/2" });
    expect(bind(path, '{"name":""}')).toMatchObject({ name: "shelves/1/books/2" });
    expect(problem(path, '{"name":"other"}')).toMatchObject({
      source: "body",
      violation: { field: "name", description: "differs from the value in the path" },
    });
    expect(bindLax(path, '{"name":"other"}')).toMatchObject({ name: "shelves/1/books/2" });
  });

  test("a body's fields are named from the request on", () => {
    expect(problem("POST /v1/shelves/1/books", '{"pages":"x"}')).toMatchObject({ violation: { field: "book.pages" } });
  });
});

describe("query", () => {
  test("scalars, enums, times, repeated and nested fields", () => {
    const query =
      "genres=GENRE_NOVEL&genres=2&pageSize=5&publishedAfter=2030-05-04T18:00:00%2B08:00&filter.title=a+b%26c&filter.inner.pages=1&filter.inner.pages=2";
    expect(bind(`GET /v1/shelves/7/books?${query}`)).toEqual(
      create(ListBooksRequestSchema, {
        shelf: "7",
        genres: [Genre.NOVEL, Genre.POETRY],
        pageSize: 5,
        publishedAfter: { seconds: 1904119200n, nanos: 0 },
        filter: { title: "a b&c", inner: { pages: [1n, 2n] } },
      }),
    );
  });

  test("proto names, too", () => {
    expect(bind("GET /v1/books?page_size=5&filter.inner.title=x")).toMatchObject({ pageSize: 5 });
  });

  test.each([
    ["boolValue=true", { boolValue: true }],
    ["doubleValue=-Infinity", { doubleValue: Number.NEGATIVE_INFINITY }],
    ["floatValue=1.5e3", { floatValue: 1500 }],
    ["data=_-8", { data: Uint8Array.of(255, 239) }],
    ["textWrapper=&numberWrapper=5&boolWrapper=false", { textWrapper: "", numberWrapper: 5n, boolWrapper: false }],
    ["duration=3.5s&mask=text", { duration: { seconds: 3n, nanos: 500_000_000 }, mask: { paths: ["text"] } }],
    ["maybeNumber=0", { maybeNumber: 0 }],
    ["choiceText=a", { choice: { case: "choiceText", value: "a" } }],
    ["longAsText=9007199254740993", { longAsText: "9007199254740993" }],
    ["times=1970-01-01T00:00:01Z", { times: [{ seconds: 1n, nanos: 0 }] }],
  ] as const)("binds %s", (query, expected) => {
    const nested = query.replaceAll(/(^|&)/g, "$1values.");
    expect(bind(`GET /v1/values/x?${nested}`)).toEqual(values({ values: { text: "x", ...expected } as never }));
  });

  test.each([
    ["/v1/books?pagesize=5", "pagesize", "there is no such query parameter; did you mean pageSize?"],
    ["/v1/books?zzz=5", "zzz", "there is no such query parameter"],
    ["/v1/books?=5", "", "there is no such query parameter"],
    ["/v1/books?filter.ttle=5", "filter.ttle", "there is no such query parameter; did you mean title?"],
    ["/v1/books?pageSize.x=5", "pageSize.x", "pageSize has no fields"],
    ["/v1/shelves/1/books?shelf=2", "shelf", "the path gives this field"],
    ["/v1/values/x?values.text=y", "values.text", "the path gives this field"],
    [`/v1/books?${"filter.inner.".repeat(9)}title=x`, expect.anything(), "there is no such query parameter"],
  ])("refuses the unknown parameter of %s", (target, field, description) => {
    expect(problem(`GET ${target}`)).toMatchObject({ source: "query", unknown: true, violation: { field } });
    expect((problem(`GET ${target}`) as { violation: { description: string } }).violation.description).toContain(
      description,
    );
  });

  test.each([
    ["pageSize=1&pageSize=2", "page_size", "is given twice"],
    ["pageSize=", "page_size", "must be a number"],
    ["pageSize=%201", "page_size", "must be a number"],
    ["pageSize=0x10", "page_size", "must be a number"],
    ["pageSize=2147483648", "page_size", "must be -2147483648 to 2147483647"],
    ["publishedAfter=yesterday", "published_after", "must be a time such as 2030-05-04T10:00:00Z"],
    ["filter=x", "filter", "cannot be given in the query"],
  ])("refuses %s", (query, field, description) => {
    expect(problem(`GET /v1/books?${query}`)).toMatchObject({
      source: "query",
      unknown: false,
      violation: { field, description },
    });
  });

  test.each(["toString", "__proto__", "constructor"])("a name of Object.prototype (%s) is no number", (text) => {
    expect(problem(`GET /v1/values/x?values.doubleValue=${text}`)).toMatchObject({
      violation: { description: "must be a number" },
    });
  });

  test.each(["values.labels=x", "values.children=x", "values.struct=x", "values.any=x", "values.choiceValues=x"])(
    "refuses %s: a message or map is no parameter",
    (query) => {
      expect(problem(`GET /v1/values/x?${query}`)).toMatchObject({
        violation: { description: "cannot be given in the query" },
      });
    },
  );

  test("refuses two fields of one oneof", () => {
    expect(problem("GET /v1/values/x?values.choiceText=a&values.choiceNumber=1")).toMatchObject({
      violation: { field: "values.choice_number" },
    });
  });

  test("takes none where the body is the whole message, and none of the body's", () => {
    expect(problem("POST /v1/shelves/1/books/2:move?otherShelf=3", "{}")).toMatchObject({ unknown: true });
    expect(problem("POST /v1/shelves/1/books?book.title=x", "{}")).toMatchObject({
      violation: { description: "the body gives this field" },
    });
  });

  test("refuses broken escapes", () => {
    expect(problem("GET /v1/books?pageSize=%zz")).toMatchObject({ kind: "malformed", source: "query" });
    expect(problem("GET /v1/books?%ff=1")).toMatchObject({ kind: "malformed", source: "query" });
  });

  test("a legacy dialect ignores unknown ones, drops broken pairs, takes the first of two", () => {
    expect(bindLax("GET /v1/books?nothing=1&pageSize=%zz&pageSize=2&pageSize=3&&filter.nothing=1&shelf.x=1")).toEqual(
      create(ListBooksRequestSchema, { pageSize: 2 }),
    );
  });
});
