import { createServer } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { StartupError, toStartupError } from "./startup-error.ts";

test("the message is one line: what, and what to do", () => {
  expect(new StartupError("the disk\n is full", "free some\r\nspace").message).toBe(
    "the disk is full: free some space",
  );
});

describe("toStartupError", () => {
  test("names a port in use", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const address = holder.address();
    const error = await new Promise((resolve) => createServer().once("error", resolve).listen(address));
    holder.close();
    expect(toStartupError(error, "listen on 127.0.0.1:8080")?.message).toBe(
      "cannot listen on 127.0.0.1:8080: the port is in use; stop the program that holds it or set another one (PORT, SURFACE_<NAME>_PORT; 0 picks a free one)",
    );
  });

  test("names a file that is no database", () => {
    const db = new DatabaseSync(import.meta.filename);
    try {
      db.exec("select * from sqlite_schema");
    } catch (error) {
      expect(toStartupError(error, "open order.sqlite")?.message).toContain("not an SQLite database");
      return;
    } finally {
      db.close();
    }
    expect.unreachable();
  });

  test("ports below 1024 are no matter of files", () => {
    const error = Object.assign(new Error("x"), { code: "EACCES", syscall: "listen" });
    expect(toStartupError(error, "listen")?.message).toContain("set another one (PORT,");
  });

  test("keeps a StartupError and leaves a defect alone", () => {
    const known = new StartupError("a", "b");
    expect(toStartupError(known, "x")).toBe(known);
    expect(toStartupError(new TypeError("x is undefined"), "x")).toBeUndefined();
    expect(toStartupError("text", "x")).toBeUndefined();
  });
});
