import { describe, expect, test } from "vitest";
import { createRouteTable } from "./route-table.ts";
import { createRouter, type Resolution } from "./router.ts";
import type { RoutingRules, Surface } from "./surface.ts";
import { rule, testService } from "./testing/test-service.ts";
import { testSurface } from "./testing/test-surface.ts";

interface Shown {
  readonly name?: string;
  readonly routing?: Partial<RoutingRules>;
  readonly alias?: { from: string; to: string }[];
  readonly cors?: Surface["cors"];
}

/** A surface with a method for each route, named after its path. */
function surfaceOf(routes: readonly string[], { name = "native", routing, alias, cors }: Shown = {}): Surface {
  const methods = Object.fromEntries(routes.map((route, index) => [`M${index}`, { rule: rule(route) }]));
  const surface = name === "native" ? undefined : { name, alias };
  const service = testService(methods, { name: `${name}Service`, surface });
  return testSurface({ name, services: [{ service }], routing, cors });
}

function resolver(surfaces: readonly Surface[], alone = false): (request: string) => Resolution {
  const router = createRouter(createRouteTable(surfaces, { alone }), surfaces);
  return (request) => {
    const [method = "", path = ""] = request.split(" ");
    return router.resolve(method, path);
  };
}

/** The template a request led to, with the raw segments of its variables; else the kind of the answer. */
function shown(resolution: Resolution): string {
  if (resolution.kind !== "route") return resolution.kind;
  const { route, shift } = resolution.entry;
  const values = route.variables.map(({ start, end }) =>
    resolution.path.raw.slice(start + shift, end === undefined ? undefined : end + shift).join("/"),
  );
  return [`${route.httpMethod} ${route.template.source}`, ...values].join(" | ");
}

const matching = (routes: readonly string[], options?: Shown) => {
  const resolve = resolver([surfaceOf(routes, options)]);
  return (request: string) => shown(resolve(request));
};

const text = "values.text";
const more = "values.maybe_text";

describe("paths to routes", () => {
  // From grpc-httpjson-transcoding's path_matcher tests (Apache-2.0), re-expressed.
  test("literal before * before **", () => {
    const match = matching(["GET /a/**", "GET /b/*", "GET /c/*/d/**", "GET /c/*/d/e", "GET /c/f/d/e"]);
    expect(match("GET /a/b")).toBe("GET /a/**");
    expect(match("GET /a/b/c")).toBe("GET /a/**");
    expect(match("GET /a")).toBe("GET /a/**");
    expect(match("GET /b/c")).toBe("GET /b/*");
    expect(match("GET /c/u/d/v")).toBe("GET /c/*/d/**");
    expect(match("GET /c/v/d/w/x")).toBe("GET /c/*/d/**");
    expect(match("GET /c/x/d/e")).toBe("GET /c/*/d/e");
    expect(match("GET /c/f/d/e")).toBe("GET /c/f/d/e");
    expect(match("GET /c/x/y/d/z")).toBe("not-found");
    expect(match("GET /c//v/d/w/x")).toBe("not-found");
    expect(match("GET b/c")).toBe("not-found");
  });

  test("variables of one and of many segments", () => {
    const match = matching([
      `GET /a/{${text}}/c/d/e`,
      `GET /{${text}=a/*}/b/{${more}=*}/c`,
      `GET /a/{${text}=b/*}/{${more}=d/**}`,
      `GET /a/b/{${text}=*}`,
      `GET /a/b/c/{${text}=**}`,
      `GET /{${text}=*}/d/e/f/{${more}=**}`,
    ]);
    expect(match("GET /a/book/c/d/e")).toBe(`GET /a/{${text}}/c/d/e | book`);
    expect(match("GET /a/hello/b/world/c")).toBe(`GET /{${text}=a/*}/b/{${more}=*}/c | a/hello | world`);
    expect(match("GET /a/b/zoo/d/animal/tiger")).toBe(`GET /a/{${text}=b/*}/{${more}=d/**} | b/zoo | d/animal/tiger`);
    expect(match("GET /a/b/foo")).toBe(`GET /a/b/{${text}=*} | foo`);
    expect(match("GET /a/b/c/foo/bar/baz")).toBe(`GET /a/b/c/{${text}=**} | foo/bar/baz`);
    expect(match("GET /foo/d/e/f/bar/baz")).toBe(`GET /{${text}=*}/d/e/f/{${more}=**} | foo | bar/baz`);
    expect(match("GET /foo/d/e/f")).toBe(`GET /{${text}=*}/d/e/f/{${more}=**} | foo | `);
  });

  test("a path matches whole or not at all", () => {
    const match = matching(["GET /prefix/middle/suffix", "GET /prefix/middle", "GET /prefix"]);
    expect(match("GET /prefix/middle")).toBe("GET /prefix/middle");
    expect(match("GET /prefix/middle/suffix/other")).toBe("not-found");
    expect(match("GET /prefix/other")).toBe("not-found");
    expect(match("GET /")).toBe("not-found");
  });

  test("a verb is split from the last segment where one is registered", () => {
    const match = matching(["GET /person", `GET /person/{${text}}`, `GET /{${text}=**}:verb`]);
    expect(match("GET /person:verb")).toBe(`GET /{${text}=**}:verb | person`);
    expect(match("GET /person/jason:verb")).toBe(`GET /{${text}=**}:verb | person/jason`);
    expect(match("GET /animal/cat:verb")).toBe(`GET /{${text}=**}:verb | animal/cat`);
    expect(match("GET /person/jason")).toBe(`GET /person/{${text}} | jason`);
    expect(match("GET /animal/cat")).toBe("not-found");
    expect(match("GET /person:other")).toBe("not-found");
    expect(match("GET /person/jason:other")).toBe(`GET /person/{${text}} | jason:other`);
  });

  test("more than one colon: the last may be a verb's", () => {
    const match = matching([`GET /{${text}}/{${more}}:verb`, `GET /foo/*/hello`]);
    expect(match("GET /some:verb/const:verb")).toBe(`GET /{${text}}/{${more}}:verb | some:verb | const`);
    expect(match("GET /some/a:b:verb")).toBe(`GET /{${text}}/{${more}}:verb | some | a:b`);
    expect(match("GET /foo/other:verb/hello")).toBe("GET /foo/*/hello");
    expect(match("GET /some/:verb")).toBe("not-found");
  });

  test("an escaped colon is no verb's", () => {
    const match = matching([`POST /a/{${text}}:verb`, `POST /a/{${text}}`]);
    expect(match("POST /a/b%3Averb")).toBe(`POST /a/{${text}} | b%3Averb`);
    expect(match("POST /a/b:verb")).toBe(`POST /a/{${text}}:verb | b`);
  });

  test("a text that looks like a verb stays a value where the verb's route has another method", () => {
    const match = matching([`GET /a/{${text}}`, `POST /a/{${text}}:cancel`]);
    expect(match("GET /a/b:cancel")).toBe(`GET /a/{${text}} | b:cancel`);
  });

  test("a literal branch without the method does not hide the variable's", () => {
    const match = matching([`POST /a/{${text}}/c`, "GET /a/b/c", `DELETE /a/**`]);
    expect(match("POST /a/b/c")).toBe(`POST /a/{${text}}/c | b`);
    expect(match("GET /a/b/c")).toBe("GET /a/b/c");
    expect(match("DELETE /a/b/c")).toBe("DELETE /a/**");
    expect(match("PUT /a/b/c")).toBe("method-not-allowed");
  });

  test("an unreserved character may come escaped in a literal", () => {
    expect(matching(["GET /orders"])("GET /ord%65rs")).toBe("GET /orders");
    expect(matching(["GET /orders"])("GET /ord%zzrs")).toBe("not-found");
  });

  test.each(["/a/.", "/a/..", "/a/%2e%2E", "/a/.%2e"])("the dot segment of %s is no value", (path) => {
    const match = matching([`GET /a/{${text}}`, `GET /a/{${more}=**}`]);
    expect(match(`GET ${path}`)).toBe("not-found");
  });

  test("a trailing slash is another path", () => {
    const match = matching([`GET /a/{${text}}`, "GET /b/**"]);
    expect(match("GET /a/b/")).toBe("not-found");
    expect(match("GET /a/")).toBe("not-found");
    expect(match("GET /b/c/")).toBe("not-found");
  });

  test("any method, where a custom rule says so, behind the method itself", () => {
    const match = matching(["* /a", "GET /a"]);
    expect(match("GET /a")).toBe("GET /a");
    expect(match("REPORT /a")).toBe("* /a");
  });
});

describe("methods", () => {
  const routes = [`GET /a/{${text}}`, `PUT /a/{${text}}`, "POST /a/b"];

  test("405 says what the path takes", () => {
    expect(resolver([surfaceOf(routes)])("DELETE /a/b")).toMatchObject({
      kind: "method-not-allowed",
      allow: ["POST", "GET", "PUT"],
    });
  });

  test("HEAD is GET where the surface says so", () => {
    expect(matching(routes, { routing: { head: "as-get" } })("HEAD /a/x")).toBe(`GET /a/{${text}} | x`);
    expect(matching(routes)("HEAD /a/x")).toBe("method-not-allowed");
  });

  test("OPTIONS says what the path takes where the surface says so", () => {
    const options = resolver([surfaceOf(routes, { routing: { head: "as-get", options: "allow" } })]);
    expect(options("OPTIONS /a/x")).toMatchObject({ kind: "options", allow: ["GET", "HEAD", "PUT", "OPTIONS"] });
    expect(options("OPTIONS /nothing")).toMatchObject({ kind: "not-found" });
    expect(matching(routes)("OPTIONS /a/x")).toBe("method-not-allowed");
  });

  test("OPTIONS below a CORS rule is answered whatever the path", () => {
    const cors = [{ prefix: "/api/v1/seckill", origin: "*", methods: "GET", headers: "Content-Type" } as const];
    const resolve = resolver([surfaceOf(["GET /api/v1/seckill/stats"], { cors })]);
    for (const path of ["/api/v1/seckill/stats", "/api/v1/seckill", "/api/v1/seckill/nothing"]) {
      expect(resolve(`OPTIONS ${path}`)).toMatchObject({ kind: "options", allow: undefined, cors: cors[0] });
    }
    expect(resolve("OPTIONS /api/v1/seckills")).toMatchObject({ kind: "not-found", cors: undefined });
    expect(resolve("GET /api/v1/seckill/nothing")).toMatchObject({ kind: "not-found", cors: cors[0] });
  });
});

describe("trailing slashes", () => {
  const routes = [`GET /a/{${text}}/b`, `PUT /a/{${text}}/b`];

  test("the same path where the surface says so", () => {
    const match = matching(routes, { routing: { trailingSlash: "same" } });
    expect(match("GET /a/x/b/")).toBe(`GET /a/{${text}}/b | x`);
    expect(match("GET /a/x/b//")).toBe("not-found");
    expect(match("POST /a/x/b/")).toBe("method-not-allowed");
  });

  test("as Starlette: 307 to an absolute URL, also where the method is wrong", () => {
    const resolve = resolver([surfaceOf(routes, { routing: { trailingSlash: "redirect-absolute" } })]);
    const redirect = { kind: "redirect", status: 307, absolute: true, path: "/a/x/b" };
    expect(resolve("GET /a/x/b/")).toMatchObject(redirect);
    expect(resolve("GET /a/x/b///")).toMatchObject(redirect);
    expect(resolve("POST /a/x/b/")).toMatchObject(redirect);
    expect(resolve("POST /a/x/b")).toMatchObject({ kind: "method-not-allowed" });
    expect(resolve("GET /c/")).toMatchObject({ kind: "not-found" });
  });

  test("as gin: 301 for GET, 307 else, where the other form takes the method", () => {
    const resolve = resolver([surfaceOf(routes, { routing: { trailingSlash: "redirect-relative" } })]);
    expect(resolve("GET /a/x/b/")).toMatchObject({ kind: "redirect", status: 301, absolute: false, path: "/a/x/b" });
    expect(resolve("PUT /a/x/b/")).toMatchObject({ kind: "redirect", status: 307, absolute: false, path: "/a/x/b" });
    expect(resolve("POST /a/x/b/")).toMatchObject({ kind: "not-found" });
    expect(resolve("GET /a/x/b//")).toMatchObject({ kind: "not-found" });
  });

  test("never redirects to another host", () => {
    const resolve = resolver([surfaceOf([`GET /{${text}}`], { routing: { trailingSlash: "redirect-relative" } })]);
    expect(resolve("GET //evil.example/")).toMatchObject({ kind: "not-found" });
    expect(resolve("GET /")).toMatchObject({ kind: "not-found" });
  });
});

describe("oddities of a surface", () => {
  test("an empty segment is a value where the surface says so, but never the last", () => {
    const match = matching([`GET /users/{${text}}/orders`, `GET /orders/{${text}}`], {
      routing: { emptySegments: "match" },
    });
    expect(match("GET /users//orders")).toBe(`GET /users/{${text}}/orders | `);
    expect(match("GET /orders/")).toBe("not-found");
  });

  test("an escaped slash is a value, or a path that does not exist", () => {
    const routes = [`GET /orders/{${text}}`];
    expect(matching(routes)("GET /orders/a%2Fb")).toBe(`GET /orders/{${text}} | a%2Fb`);
    expect(matching(routes, { routing: { encodedSlash: "not-found" } })("GET /orders/a%2fb")).toBe("not-found");
  });

  test("aliases put another beginning before the same routes", () => {
    const alias = [
      { from: "/kiosk", to: "/" },
      { from: "/old/v1", to: "/api/v1" },
      { from: "/short", to: "/api/v1/orders" },
    ];
    const match = matching([`GET /api/v1/orders/{${text}}/lines`, "GET /health"], { name: "kiosk", alias });
    expect(match("GET /kiosk/api/v1/orders/7/lines")).toBe(`GET /api/v1/orders/{${text}}/lines | 7`);
    expect(match("GET /old/v1/orders/7/lines")).toBe(`GET /api/v1/orders/{${text}}/lines | 7`);
    expect(match("GET /short/7/lines")).toBe(`GET /api/v1/orders/{${text}}/lines | 7`);
    expect(match("GET /kiosk/health")).toBe("GET /health");
    expect(match("GET /old/health")).toBe("not-found");
  });
});

describe("several surfaces on one origin", () => {
  const native = surfaceOf(["GET /v1/orders"], { routing: { prefixes: ["/"] } });
  const kiosk = surfaceOf(["GET /api/v1/orders/{values.text}", "GET /health", "GET /api/both"], {
    name: "kiosk",
    alias: [{ from: "/api/v1/order", to: "/" }],
    routing: {
      prefixes: ["/api/v1/orders", "/api/v1/order"],
      ownPortPaths: ["/health"],
      trailingSlash: "redirect-relative",
    },
  });
  const slashed = surfaceOf(["GET /api/both"], {
    name: "slashed",
    routing: { prefixes: ["/api/both"], trailingSlash: "same", yieldsTo: ["kiosk"] },
  });
  const resolve = resolver([native, kiosk, slashed]);
  const owner = (request: string) => resolve(request).surface.name;

  test("an unknown path belongs to the surface with the longest prefix of whole segments", () => {
    expect(owner("GET /nothing")).toBe("native");
    expect(owner("GET /v1/nothing")).toBe("native");
    expect(owner("GET /api/v1/orders/a/b/c")).toBe("kiosk");
    expect(owner("GET /api/v1/order/x")).toBe("kiosk");
    expect(owner("GET /api/v1/ordersx")).toBe("native");
    expect(owner("OPTIONS *")).toBe("native");
  });

  test("a wrong method belongs to the route's surface", () => {
    expect(owner("POST /api/v1/orders/7")).toBe("kiosk");
  });

  test("an own-port path is served elsewhere only by its aliases", () => {
    expect(resolve("GET /health")).toMatchObject({ kind: "not-found", surface: { name: "native" } });
    expect(shown(resolve("GET /api/v1/order/health"))).toBe("GET /health");
    expect(shown(resolver([kiosk], true)("GET /health"))).toBe("GET /health");
  });

  test("alone, every path is the surface's", () => {
    expect(resolver([kiosk], true)("GET /nothing")).toMatchObject({ kind: "not-found", surface: { name: "kiosk" } });
  });

  test("a surface that yields keeps the form with the slash", () => {
    expect(owner("GET /api/both")).toBe("kiosk");
    expect(owner("GET /api/both/")).toBe("slashed");
  });
});
