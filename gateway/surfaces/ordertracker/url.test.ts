import { expect, test } from "vitest";
import { parseUrl } from "./url.ts";

/** Answers of pydantic 2.11 (pydantic-core 2.33). */
test.each([
  ["http://shop.example.com", "http://shop.example.com/"],
  ["HTTPS://Shop.EXAMPLE.com/Item", "https://shop.example.com/Item"],
  ["http://a:80/", "http://a/"],
  ["https://a:443/x", "https://a/x"],
  ["https://a:80/x", "https://a:80/x"],
  ["http://a:00080/", "http://a/"],
  ["http://a/b/../c/./d", "http://a/c/d"],
  ["http://a/%2e%2e/b", "http://a/b"],
  ["http://a/../..", "http://a/"],
  ["https://例え.jp/", "https://xn--r8jz45g.jp/"],
  ["https://bücher.example/ü?ä=ö#ß", "https://xn--bcher-kva.example/%C3%BC?%C3%A4=%C3%B6#%C3%9F"],
  ["http://faß.de", "http://xn--fa-hia.de/"],
  ["http://a/ b?c d#e f", "http://a/%20b?c%20d#e%20f"],
  ['http://a/<>"`{}|^[]', "http://a/%3C%3E%22%60%7B%7D|^[]"],
  ["http://u^:p^@a/x^?y^#z^", "http://u%5E:p%5E@a/x^?y^#z^"],
  ["  http://a/x  ", "http://a/x"],
  ["\thttp://a\n/x", "http://a/x"],
  ["http://user:pass@a/", "http://user:pass@a/"],
  ["http://u s:p w@a/", "http://u%20s:p%20w@a/"],
  ["http://u:@a/", "http://u@a/"],
  ["http:\\\\a\\b", "http://a/b"],
  ["http:///a", "http://a/"],
  ["http://1.2.3", "http://1.2.0.3/"],
  ["http://[1:2:0:0:0:0:7:8]", "http://[1:2::7:8]/"],
  ["http://xn--bcher-kva.example", "http://xn--bcher-kva.example/"],
  ["http://a/?", "http://a/?"],
  ["http://a/%zz", "http://a/%zz"],
  ["http://axn--/", "http://axn--/"],
])("ordertracker 7.5 %j is stored as %s", (text, href) => {
  expect(parseUrl(text)).toEqual({ href });
});

test.each([
  ["", "input is empty"],
  ["   ", "relative URL without a base"],
  ["/item/7", "relative URL without a base"],
  ["shop.example/item", "relative URL without a base"],
  ["1http://a", "relative URL without a base"],
  ["http:", "empty host"],
  ["http://?x", "empty host"],
  ["http://u@", "empty host"],
  ["http://:80", "empty host"],
  ["http://\u00ad/", "empty host"],
  ["http://a:x/", "invalid port number"],
  ["http://a:65536/", "invalid port number"],
  ["http://256.1.1.1", "invalid IPv4 address"],
  ["http://a.1", "invalid IPv4 address"],
  ["http://[::g]", "invalid IPv6 address"],
  ["http://[::1", "invalid IPv6 address"],
  ["http://a%2e80", "invalid IPv4 address"],
  ["http://a.\u00ad256", "invalid IPv4 address"],
  ["http://a /x", "invalid international domain name"],
  ["http://xn--:x1", "invalid international domain name"],
  ["http://a%20b/", "invalid international domain name"],
  ["http://xn--a", "invalid international domain name"],
  ["http://ex^ample/", "invalid international domain name"],
  ["http://1א.com", "invalid international domain name"],
])("ordertracker 7.4 %j is no URL: %s", (text, error) => {
  expect(parseUrl(text)).toEqual({ error });
});
