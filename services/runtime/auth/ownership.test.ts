import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { requireOwner } from "./ownership.ts";
import { anonymous, localAdministrator, type Principal, type Role } from "./principal.ts";

function principal(kind: Principal["kind"], id: string, ...roles: Role[]): Principal {
  return { id, kind, roles: new Set(roles), seesPersonalData: true };
}

describe("requireOwner", () => {
  test("a user acts for himself", () => {
    expect(() => requireOwner(principal("jwt", "7", "user"), "7")).not.toThrow();
  });

  test("a user does not act for another", () => {
    expect(() => requireOwner(principal("jwt", "7", "user"), "8")).toThrow(
      expect.objectContaining({ code: Code.PermissionDenied }),
    );
  });

  test.each([
    ["operator", principal("jwt", "1", "operator")],
    ["admin", principal("jwt", "1", "admin")],
    ["service", principal("certificate", "sync", "service")],
    ["local administrator", localAdministrator],
    ["surface", principal("surface", "surface:minishop", "user")],
    ["API key", principal("apikey", "apikey:minishop:0", "user")],
  ])("%s acts for any user", (_name, who) => {
    expect(() => requireOwner(who, "8")).not.toThrow();
  });

  test("nobody owns nothing, not even what belongs to nobody", () => {
    expect(() => requireOwner(anonymous, "")).toThrow(expect.objectContaining({ code: Code.Unauthenticated }));
  });
});
