import { expect, test } from "vitest";
import { peerNameOf, peerUri } from "./peer-name.ts";

test("the name is that of the URI, among other names", () => {
  expect(peerUri("order")).toBe("spiffe://ordermesh.local/order");
  expect(peerNameOf("DNS:localhost, URI:spiffe://ordermesh.local/order, IP Address:127.0.0.1")).toBe("order");
});

test.each([
  ["no name at all", undefined],
  ["no URI", "DNS:localhost"],
  ["another trust domain", "URI:spiffe://elsewhere.test/order"],
  ["a path below the name", "URI:spiffe://ordermesh.local/order/admin"],
  ["the domain alone", "URI:spiffe://ordermesh.local/"],
  ["two URIs", "URI:spiffe://ordermesh.local/order, URI:spiffe://ordermesh.local/envoy"],
  ["a DNS name that contains a URI entry", 'DNS:"x, URI:spiffe://ordermesh.local/order"'],
  ["a quoted entry that does not end", 'DNS:"x, URI:spiffe://ordermesh.local/order'],
  ["what is no list of entries", "URI:spiffe://ordermesh.local/order,DNS:x"],
])("%s is nobody", (_, names) => {
  expect(peerNameOf(names)).toBeUndefined();
});
