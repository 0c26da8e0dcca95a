import { describe, expect, test } from "vitest";
import { parseNetworks, trustedProxies } from "./trusted-proxies.ts";

describe("trusted proxies", () => {
  const proxies = trustedProxies(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]);

  test.each([
    ["10.1.2.3", true],
    ["::ffff:10.1.2.3", true],
    ["192.0.2.7", true],
    ["192.0.2.8", false],
    ["2001:db8::1", true],
    ["2001:db9::1", false],
    ["127.0.0.1", false],
  ])("a peer at %s is trusted: %s", (remoteAddress, trusted) => {
    expect(proxies.isTrusted({ remoteAddress })).toBe(trusted);
  });

  test("a peer with a certificate of ours is trusted wherever it is; one without an address and a certificate is not", () => {
    const none = trustedProxies();
    expect(none.isTrusted({ remoteAddress: "203.0.113.9", authorized: true })).toBe(true);
    expect(none.isTrusted({ remoteAddress: "203.0.113.9", authorized: false })).toBe(false);
    expect(proxies.isTrusted({})).toBe(false);
  });

  test.each([
    ["203.0.113.9", "203.0.113.9"],
    ["198.51.100.1, 203.0.113.9", "203.0.113.9"],
    ["198.51.100.1, 203.0.113.9, 10.0.0.1,192.0.2.7", "203.0.113.9"],
    ["10.0.0.2, 10.0.0.1", "10.0.0.2"],
    ["nonsense, 10.0.0.1", "10.0.0.1"],
    ["nonsense", undefined],
    ["", undefined],
  ])("the client of X-Forwarded-For %j is %s", (header, client) => {
    expect(proxies.clientOf(header)).toBe(client);
  });

  test.each(["", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "proxy.example", "10.0.0.1,,10.0.0.2"])(
    "the option %j is refused",
    (text) => {
      expect(() => parseNetworks(text)).toThrow("no address or network");
    },
  );

  test("the option's networks are separated by commas", () => {
    expect(parseNetworks("10.0.0.1, fd00::/8")).toEqual(["10.0.0.1", "fd00::/8"]);
  });
});
