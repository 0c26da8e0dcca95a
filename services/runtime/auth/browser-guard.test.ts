import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { reasonOf } from "../errors/inspect.ts";
import { browserGuard } from "./browser-guard.ts";

function guard(method: string, headers: Record<string, string>): string | undefined {
  const refusal = browserGuard({ method, headers: new Headers(headers) });
  if (refusal !== undefined) expect(refusal.code).toBe(Code.PermissionDenied);
  return refusal === undefined ? undefined : reasonOf(refusal);
}

describe("Host", () => {
  test.each(["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "127.9.8.7", "[::1]:8080", "[::1]"])(
    "%s passes",
    (host) => {
      expect(guard("GET", { host })).toBeUndefined();
    },
  );

  test.each([
    "shop.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example:127",
    "127.0.0.1@evil.example",
    "127.0.0.256",
    "127.1",
    "0.0.0.0",
    "192.168.0.1",
    "[::2]",
    "localhost:port",
    "localhost.",
    "",
  ])("%s is refused", (host) => {
    expect(guard("GET", { host })).toBe("FOREIGN_HOST");
  });

  test("a request without Host is refused", () => {
    expect(guard("GET", {})).toBe("FOREIGN_HOST");
  });

  test("DNS rebinding: the page's own name resolves to 127.0.0.1, so Host and Origin agree, and it is refused", () => {
    const headers = { host: "rebind.evil.example:8080", origin: "http://rebind.evil.example:8080" };
    for (const method of ["GET", "POST"]) expect(guard(method, headers)).toBe("FOREIGN_HOST");
  });
});

describe("writes", () => {
  const host = "127.0.0.1:8080";

  test("pass without Origin: a program, not a page", () => {
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) expect(guard(method, { host })).toBeUndefined();
  });

  test.each(["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"])("pass from %s", (origin) => {
    expect(guard("POST", { host, origin })).toBeUndefined();
  });

  test("pass from the default port's page", () => {
    expect(guard("POST", { host: "localhost", origin: "http://localhost" })).toBeUndefined();
    expect(guard("POST", { host: "localhost", origin: "https://localhost" })).toBeUndefined();
  });

  test.each([
    "null",
    "http://evil.example",
    "http://evil.example:8080",
    "http://localhost:3000",
    "http://localhost",
    "http://localhost.evil.example:8080",
    "http://127.0.0.1:8080.evil.example",
    "http://evil.example/127.0.0.1:8080",
    "http://evil.example@127.0.0.1:8080",
    "chrome-extension://localhost:8080",
    "http://127.0.0.1:8080, http://evil.example",
    "",
  ])("are refused from %s", (origin) => {
    expect(guard("POST", { host, origin })).toBe("FOREIGN_ORIGIN");
  });

  test("are refused when the browser says cross-site", () => {
    expect(guard("POST", { host, "sec-fetch-site": "cross-site" })).toBe("FOREIGN_ORIGIN");
    expect(guard("POST", { host, "sec-fetch-site": "same-origin" })).toBeUndefined();
  });

  test("an unknown method counts as a write", () => {
    expect(guard("PROPFIND", { host, origin: "http://evil.example" })).toBe("FOREIGN_ORIGIN");
  });
});

test("reads pass from any page: without CORS headers it cannot see the answer", () => {
  for (const method of ["GET", "HEAD", "OPTIONS"]) {
    const headers = { host: "localhost:8080", origin: "http://evil.example", "sec-fetch-site": "cross-site" };
    expect(guard(method, headers)).toBeUndefined();
  }
});
