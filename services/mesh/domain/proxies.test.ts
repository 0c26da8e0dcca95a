import { expect, test } from "vitest";
import { Proxies } from "./proxies.ts";

interface Status {
  readonly node: { readonly id: string };
  readonly version: number;
}

function status(id: string, version = 1): Status {
  return { node: { id }, version };
}

test("tells who is connected, by id", () => {
  const proxies = new Proxies(() => [status("b"), status("a")]);
  expect(proxies.list()).toEqual([
    { status: status("a"), connected: true },
    { status: status("b"), connected: true },
  ]);
});

test("tells how one that is gone was when it was last seen", () => {
  let connected = [status("a", 1)];
  const proxies = new Proxies(() => connected);
  proxies.list();
  connected = [];
  expect(proxies.list()).toEqual([{ status: status("a", 1), connected: false }]);
});

test("one that is back is one", () => {
  let connected = [status("a", 1)];
  const proxies = new Proxies(() => connected);
  proxies.list();
  connected = [status("a", 2)];
  expect(proxies.list()).toEqual([{ status: status("a", 2), connected: true }]);
});

test("of many that are gone it forgets the first", () => {
  let connected = [status("first")];
  const proxies = new Proxies(() => connected);
  proxies.list();
  for (let index = 0; index < 60; index += 1) {
    connected = [status(`later-${index}`)];
    proxies.list();
  }
  const ids = proxies.list().map(({ status: { node } }) => node.id);
  expect(ids).toHaveLength(51);
  expect(ids).not.toContain("first");
});
