import { domainToUnicode } from "node:url";

/** A URL in its normal form (contract 7.5), or why it is none, in the words of Rust's url crate that pydantic uses. */
export type UrlVerdict = { readonly href: string } | { readonly error: string };

/** Parses an absolute URL as the WHATWG standard has it. */
export function parseUrl(text: string): UrlVerdict {
  if (text === "") return { error: "input is empty" };
  const url = URL.parse(text);
  if (url === null) return { error: reason(text) };
  if (isWeb(url) && !isPunycodeValid(url.hostname)) return { error: invalidDomain };
  return { href: keepCarets(text, url) };
}

const invalidDomain = "invalid international domain name";

function isWeb(url: URL): boolean {
  return url.protocol === "http:" || url.protocol === "https:";
}

/** Node takes an `xn--` label that decodes to nothing; the standard's domain-to-ASCII does not. */
function isPunycodeValid(hostname: string): boolean {
  return hostname.split(".").every((label) => {
    if (!label.startsWith("xn--")) return true;
    const decoded = domainToUnicode(label);
    return decoded !== "" && !decoded.startsWith("xn--");
  });
}

/** The standard escapes `^` in paths since 2023; the crate does not. */
function keepCarets(text: string, url: URL): string {
  if (!text.includes("^") || /%5e/i.test(text)) return url.href;
  const start = url.href.indexOf(url.pathname, url.href.indexOf("//") + 2);
  const end = start + url.pathname.length;
  return url.href.slice(0, start) + url.pathname.replaceAll("%5E", "^") + url.href.slice(end);
}

function reason(text: string): string {
  const trimmed = text.replace(blanksAround, "").replace(/[\t\n\r]/g, "");
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(trimmed)?.[0];
  if (scheme === undefined) return "relative URL without a base";
  const authority = /^[/\\]*([^/\\?#]*)/.exec(trimmed.slice(scheme.length))?.[1] ?? "";
  const hostAndPort = authority.slice(authority.lastIndexOf("@") + 1);
  return hostReason(/^\[[^\]]*\]?|^[^:]*/.exec(hostAndPort)?.[0] ?? "");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the standard strips C0 controls, too
const blanksAround = /^[\x00-\x20]+|[\x00-\x20]+$/g;

/** What is wrong with a URL's host; a host that is right leaves the port. */
function hostReason(host: string): string {
  if (host === "") return "empty host";
  const url = URL.parse(`http://${host}/`);
  if (url !== null) return isPunycodeValid(url.hostname) ? "invalid port number" : invalidDomain;
  if (host.startsWith("[")) return "invalid IPv6 address";
  // A letter more makes any last number a name: what is still wrong then is the name.
  const name = URL.parse(`http://${host}x/`);
  if (name === null || !isPunycodeValid(name.hostname)) return invalidDomain;
  return host.replace(/\p{Default_Ignorable_Code_Point}/gu, "") === "" ? "empty host" : "invalid IPv4 address";
}
