import { create } from "@bufbuild/protobuf";
import { WriteRequestSchema } from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import { describe, expect, test } from "vitest";
import { fingerprintOf } from "./fingerprint.ts";

const fingerprint = fingerprintOf(WriteRequestSchema);
type Init = Parameters<typeof create<typeof WriteRequestSchema>>[1];
const of = (init: Init) => fingerprint(create(WriteRequestSchema, init));

describe("the same request has the same fingerprint", () => {
  test("whatever the order of a map's entries", () => {
    expect(of({ labels: { a: "1", b: "2" } })).toBe(of({ labels: { b: "2", a: "1" } }));
  });

  test("whatever the order inside a Struct", () => {
    expect(of({ extra: { a: { x: 1, y: [{ p: 1, q: 2 }] }, b: 2 } })).toBe(
      of({ extra: { b: 2, a: { y: [{ q: 2, p: 1 }], x: 1 } } }),
    );
  });

  test("whatever the order in maps of messages of a list", () => {
    const one = { 1: { name: "a", parts: { 5: { name: "x" } } }, 2: { name: "b" } };
    const other = { 2: { name: "b" }, 1: { parts: { 5: { name: "x" } }, name: "a" } };
    expect(of({ parts: [{ name: "p", parts: one }] })).toBe(of({ parts: [{ name: "p", parts: other }] }));
  });
});

test("another request has another one", () => {
  const all = [{}, { text: "a" }, { labels: { a: "1" } }, { labels: { a: "2" } }, { extra: { a: 1 } }, { quantity: 1 }];
  expect(new Set(all.map(of)).size).toBe(all.length);
});

test("leaves the request as it was", () => {
  const request = create(WriteRequestSchema, { labels: { b: "2", a: "1" } });
  fingerprint(request);
  expect(Object.keys(request.labels)).toEqual(["b", "a"]);
});
