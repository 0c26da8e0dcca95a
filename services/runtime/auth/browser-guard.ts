import type { ConnectError } from "@connectrpc/connect";
import { fail } from "../errors/fail.ts";
import { isLoopback } from "./loopback.ts";

/** What the guard looks at; for HTTP/2 the transport gives `:authority` as `host`. */
export interface GuardedRequest {
  readonly method: string;
  readonly headers: Pick<Headers, "get">;
}

const readMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Why a request must not be served while `AUTH=open` makes everybody the administrator; undefined when it may. Any web
 * page can make its visitor's browser send requests to 127.0.0.1, so only two kinds pass: those that name a loopback
 * host (a name of the page's own that resolves to 127.0.0.1 is DNS rebinding), and, for writes, those that no foreign
 * page sent (Origin, and Sec-Fetch-Site where the browser sends it).
 */
export function browserGuard(request: GuardedRequest): ConnectError | undefined {
  const host = loopbackHost(request.headers.get("host"));
  if (host === undefined) {
    return fail("FOREIGN_HOST", { message: "while AUTH=open only requests to localhost are served" });
  }
  if (readMethods.has(request.method)) return undefined;
  const origin = request.headers.get("origin");
  if (origin !== null && !isOwnOrigin(origin, host)) return fail("FOREIGN_ORIGIN");
  return request.headers.get("sec-fetch-site") === "cross-site" ? fail("FOREIGN_ORIGIN") : undefined;
}

interface Authority {
  readonly name: string;
  readonly port: string | undefined;
}

let known: { readonly text: string; readonly host: Authority } | undefined;

function loopbackHost(text: string | null): Authority | undefined {
  // Nearly all requests name the same.
  if (text === known?.text) return known.host;
  const host = parseAuthority(text);
  if (text === null || host === undefined || !isLoopback(host.name)) return undefined;
  known = { text, host };
  return host;
}

function parseAuthority(authority: string | null): Authority | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:@/[\]\s]+)(?::(\d{1,5}))?$/i.exec(authority ?? "");
  return match?.[1] === undefined ? undefined : { name: match[1], port: match[2] };
}

/** A page that this server (or another name of this machine on the same port) delivered; `null` is nobody's. */
function isOwnOrigin(origin: string, host: Authority): boolean {
  const [scheme, authority] = /^(https?):\/\/(.*)$/i.exec(origin)?.slice(1) ?? [];
  const from = parseAuthority(authority ?? null);
  if (scheme === undefined || from === undefined || !isLoopback(from.name)) return false;
  const defaultPort = scheme.toLowerCase() === "https" ? "443" : "80";
  return (from.port ?? defaultPort) === (host.port ?? defaultPort);
}
