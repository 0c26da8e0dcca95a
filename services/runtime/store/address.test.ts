import { expect, test } from "vitest";
import { parseDatabaseUrl } from "./address.ts";

test("reads a full URL", () => {
  expect(parseDatabaseUrl("mysql://us%40er:p%2Fw@db.example:3307/shop")).toEqual({
    kind: "mysql",
    host: "db.example",
    port: 3307,
    user: "us@er",
    password: "p/w",
    database: "shop",
    tls: undefined,
  });
});

test.each([
  ["mariadb://u@h/d", "mysql", 3306],
  ["postgres://u@h/d", "postgres", 5432],
  ["postgresql://u@[::1]/d", "postgres", 5432],
])("%s", (url, kind, port) => {
  expect(parseDatabaseUrl(url)).toMatchObject({ kind, port });
});

test("reads TLS", () => {
  expect(parseDatabaseUrl("postgres://u@h/d?sslmode=require").tls).toEqual({ rejectUnauthorized: false });
  expect(parseDatabaseUrl("postgres://u@h/d?sslmode=verify-full").tls).toEqual({ rejectUnauthorized: true });
});

test.each([
  ["no url", "not a URL"],
  ["sqlite://x/y", "scheme sqlite"],
  ["mysql://u:secret@h", "names no database"],
  ["mysql://u:secret@h/d?ssl=1", "unknown parameter ssl"],
  ["mysql://u:secret@h/d?sslmode=maybe", "sslmode=maybe"],
  ["mysql://u:secret@h/d?sslmode=verify-full&sslrootcert=/nowhere", "cannot be read"],
])("refuses %s and shows no password", (url, problem) => {
  const refused = (): unknown => parseDatabaseUrl(url);
  expect(refused).toThrow(problem);
  expect(refused).not.toThrow("secret");
});
