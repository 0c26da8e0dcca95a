import { Access } from "@ordermesh/proto/ordermesh/rpc/v1/policy_pb";
import { LibraryService } from "@ordermesh/proto/ordermesh/testing/v1/library_pb";
import { describe, expect, test } from "vitest";
import { createNativeSurface } from "../surfaces/native/index.ts";
import { createRouteTable, RouteTableError } from "./route-table.ts";
import { rule, type TestMethod, testService } from "./testing/test-service.ts";
import { testSurface } from "./testing/test-surface.ts";

function problems(...methods: TestMethod[]): readonly string[] {
  const named = Object.fromEntries(methods.map((method, index) => [`Method${index}`, method]));
  return problemsOf([testSurface({ services: [{ service: testService(named) }] })]);
}

function problemsOf(surfaces: Parameters<typeof createRouteTable>[0], alone = false): readonly string[] {
  try {
    createRouteTable(surfaces, { alone });
    return [];
  } catch (error) {
    if (error instanceof RouteTableError) return error.problems;
    throw error;
  }
}

const prefix = "rpc test.v1.TestService.Method0: ";

describe("createRouteTable", () => {
  test("takes the library, every binding a route", () => {
    const { routes } = createRouteTable([createNativeSurface([LibraryService])], { alone: false });
    expect(routes.map((route) => `${route.httpMethod} ${route.template.source}`)).toEqual([
      "GET /v1/{name=shelves/*/books/*}",
      "GET /v1/shelves/{shelf}/books",
      "GET /v1/books",
      "POST /v1/shelves/{shelf}/books",
      "PATCH /v1/{book.name=shelves/*/books/*}",
      "POST /v1/{name=shelves/*/books/*}:move",
      "GET /v1/values/{values.text}",
      "POST /v1/values",
      "GET /v1/numbers/{values.int64_value}",
      "GET /v1/genres/{values.genre}",
      "GET /v1/files/{values.text=**}",
      "* /v1/anyMethod",
    ]);
  });

  test.each<[string, TestMethod, string]>([
    ["a bad template", { rule: rule("GET /a/{b") }, 'path template "/a/{b", position 5: expected "}"'],
    [
      "a variable inside a variable",
      { rule: rule("GET /{values.text=a/{b}}") },
      'path template "/{values.text=a/{b}}", position 16: a variable must not hold a variable',
    ],
    [
      "a variable twice",
      { rule: rule("GET /{values.text}/{values.text}") },
      'path template "/{values.text}/{values.text}", position 15: variable "values.text" stands twice',
    ],
    [
      "an unknown field",
      { rule: rule("GET /{values.nothing}") },
      'variable "values.nothing": ordermesh.testing.v1.Values has no field "nothing"',
    ],
    [
      "a field below a scalar",
      { rule: rule("GET /{values.text.more}") },
      'variable "values.text.more": field ordermesh.testing.v1.Values.text has no field "more"',
    ],
    [
      "a JSON name as a variable",
      { rule: rule("GET /{values.int64Value}") },
      'variable "values.int64Value": ordermesh.testing.v1.Values has no field "int64Value"',
    ],
    [
      "a repeated variable",
      { rule: rule("GET /{values.numbers}") },
      'variable "values.numbers" is a repeated field: a path holds scalars and enums only',
    ],
    [
      "a map variable",
      { rule: rule("GET /{values.labels}") },
      'variable "values.labels" is a map field: a path holds scalars and enums only',
    ],
    [
      "a message variable",
      { rule: rule("GET /{values}") },
      'variable "values" is a message field: a path holds scalars and enums only',
    ],
    ["a body that is no field", { rule: rule("POST /a", { body: "nothing" }) }, bodyless("body", "Request")],
    [
      "a body below a field",
      { rule: rule("POST /a", { body: "values.text" }) },
      bodyless("body", "Request", "values.text"),
    ],
    [
      "a response_body that is no field",
      { rule: rule("GET /a", { responseBody: "nothing" }) },
      bodyless("response_body", "Response"),
    ],
    [
      "a body that is a variable, too",
      { rule: rule("POST /{name}", { body: "name" }), input: "GetBookRequest" },
      'variable "name" is the body, too',
    ],
    ["a GET with a body", { rule: rule("GET /a", { body: "*" }) }, "GET has no body"],
    ["a rule without a path", { rule: {} }, "the rule has no path"],
    ["a selector", { rule: rule("GET /a", { selector: "x" }) }, "a selector has no meaning in an annotation"],
    ["a custom kind that is no method", { rule: rule("g3t /a") }, '"g3t" is no HTTP method'],
    ["streaming", { rule: rule("GET /a"), serverStreaming: true }, "streaming methods have no REST route"],
    [
      "bindings below bindings",
      { rule: rule("GET /a", { additionalBindings: [rule("GET /b", { additionalBindings: [rule("GET /c")] })] }) },
      "additional_bindings are one level deep",
    ],
    [
      "a status_field of another type",
      { rule: rule("GET /a"), rest: { statusField: "values" } },
      'status_field "values" is no int32',
    ],
    [
      "a success_status that is none",
      { rule: rule("GET /a"), rest: { successStatus: 404 } },
      "success_status 404 is no success",
    ],
    [
      "body_optional without a body",
      { rule: rule("POST /a"), rest: { bodyOptional: true } },
      "raw_body and body_optional need a body",
    ],
    [
      "raw_body where nobody looks",
      { rule: rule("POST /a", { body: "*" }), rest: { rawBody: true } },
      "raw_body: surface native checks no bodies",
    ],
  ])("refuses %s, naming the method", (_name, method, problem) => {
    expect(problems(method)).toContain(prefix + problem);
  });

  function bodyless(what: string, type: string, name = "nothing"): string {
    return `${what} "${name}" is no field of ordermesh.testing.v1.EchoValues${type}`;
  }

  test("refuses a method that does not say who may call it", () => {
    expect(problems({ rule: rule("GET /a"), access: Access.UNSPECIFIED })).toEqual([
      "test.v1.TestService/Method0 has no access policy: set (ordermesh.rpc.v1.policy)",
    ]);
  });

  test("tells all problems at once", () => {
    expect(problems({ rule: rule("GET /{") }, { rule: rule("GET /{nothing}") })).toHaveLength(2);
  });

  test("refuses two methods with one path, naming both", () => {
    expect(problems({ rule: rule("GET /a/{values.text}") }, { rule: rule("GET /a/{values.genre}") })).toEqual([
      "rpc test.v1.TestService.Method1: GET /a/{values.genre} is also a path of rpc test.v1.TestService.Method0 (/a/{values.text})",
    ]);
  });

  test("takes one path with two methods, and paths that differ in their verb", () => {
    expect(problems({ rule: rule("GET /a") }, { rule: rule("POST /a") }, { rule: rule("GET /a:b") })).toEqual([]);
  });

  test("refuses two surfaces with one path unless one yields", () => {
    const one = testSurface({ services: [{ service: testService({ A: { rule: rule("GET /a") } }, { name: "One" }) }] });
    const other = (yieldsTo?: string[]) =>
      testSurface({
        name: "other",
        services: [
          { service: testService({ A: { rule: rule("GET /a") } }, { name: "Two", surface: { name: "other" } }) },
        ],
        routing: { yieldsTo },
      });
    expect(problemsOf([one, other()])).toEqual(["rpc test.v1.Two.A: GET /a is also a path of rpc test.v1.One.A (/a)"]);
    for (const surfaces of [
      [one, other(["native"])],
      [other(["native"]), one],
    ]) {
      const { trie } = createRouteTable(surfaces, { alone: false });
      const slot = trie.slot([{ kind: "literal", value: "a" }]);
      expect(slot.map((entry) => entry.route.surface.name)).toEqual(["native"]);
    }
  });

  test("refuses a service on another surface than its own", () => {
    const service = testService({ A: { rule: rule("GET /a") } }, { surface: { name: "kiosk" } });
    expect(problemsOf([testSurface({ services: [{ service }] })])).toEqual([
      'service test.v1.TestService belongs to surface "kiosk", not "native"',
    ]);
  });

  test("refuses a routed method without a handler", () => {
    const service = testService({ A: { rule: rule("GET /a") } });
    expect(problemsOf([testSurface({ services: [{ service, handlers: {} }] })])).toEqual([
      "rpc test.v1.TestService.A: has a route and no handler",
    ]);
  });

  test("refuses aliases that are not literal or lead nowhere, and own-port paths that are no routes", () => {
    const alias = [
      { from: "/x/{y}", to: "/a" },
      { from: "/x", to: "/b" },
    ];
    const service = testService({ A: { rule: rule("GET /a") } }, { surface: { name: "kiosk", alias } });
    expect(
      problemsOf([testSurface({ name: "kiosk", services: [{ service }], routing: { ownPortPaths: ["/health"] } })]),
    ).toEqual([
      'service test.v1.TestService: alias "/x/{y}" for "/a" is not literal',
      'service test.v1.TestService: alias "/x" is for "/b", where no route begins',
      "surface kiosk: own-port path /health is no route",
    ]);
  });

  test("refuses an alias that runs into another route", () => {
    const service = testService(
      { A: { rule: rule("GET /a/c") }, B: { rule: rule("GET /b/c") } },
      { surface: { name: "kiosk", alias: [{ from: "/b", to: "/a" }] } },
    );
    expect(problemsOf([testSurface({ name: "kiosk", services: [{ service }] })])).toHaveLength(1);
  });
});
