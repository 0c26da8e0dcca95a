import type { Reply } from "./reply.ts";
import type { RestRequest } from "./rest-request.ts";

/** A redirect to another path of this server, with the request's query. */
export interface Redirect {
  readonly path: string;
  /** `Location` is a whole URL. */
  readonly absolute: boolean;
  readonly status: 301 | 307;
}

/** 301 has the line of HTML that Go's http.Redirect writes; 307 has no body. */
export function redirectReply(redirect: Redirect, request: RestRequest): Reply {
  const local = request.query === "" ? redirect.path : `${redirect.path}?${request.query}`;
  const location = redirect.absolute ? origin(request) + local : local;
  if (redirect.status === 307) return { status: 307, headers: { location } };
  return {
    status: 301,
    headers: { location, "content-type": "text/html; charset=utf-8" },
    body: `<a href="${escapeHtml(location)}">Moved Permanently</a>.\n\n`,
  };
}

/** The caller's own words for this server; "" (a relative location) when they are none. */
function origin(request: RestRequest): string {
  const host = request.headers.host ?? request.headers[":authority"];
  if (typeof host !== "string" || !/^[A-Za-z0-9._\-:[\]]+$/.test(host)) return "";
  return `${request.encrypted ? "https" : "http"}://${host}`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&#34;")
    .replaceAll("'", "&#39;");
}
