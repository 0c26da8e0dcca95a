/** CORS headers of every reply below a path prefix; an OPTIONS request there is answered with 204. */
export interface CorsRule {
  /** Whole segments: `/api/v1/seckill` covers `/api/v1/seckill/stats`. */
  readonly prefix: string;
  /** `*`, or the origins that may read; another one gets no header that would let it. */
  readonly origin: "*" | readonly string[];
  readonly methods: string;
  readonly headers: string;
  /** Only with a list. */
  readonly credentials?: boolean;
  readonly maxAgeSeconds?: number;
}

/** The rule for a path, if any. */
export function corsRuleFor(rules: readonly CorsRule[] | undefined, path: string): CorsRule | undefined {
  return rules?.find((rule) => isBelow(path, rule.prefix));
}

/** `path` is `prefix` or lies below it. */
export function isBelow(path: string, prefix: string): boolean {
  if (prefix === "/") return true;
  return path.startsWith(prefix) && (path.length === prefix.length || path.charAt(prefix.length) === "/");
}

/** The headers the rule puts on a reply. */
export function corsHeaders(rule: CorsRule, origin: string | undefined): Record<string, string> {
  const headers: Record<string, string> = {
    "access-control-allow-methods": rule.methods,
    "access-control-allow-headers": rule.headers,
  };
  if (rule.origin === "*") headers["access-control-allow-origin"] = "*";
  else {
    headers.vary = "Origin";
    if (origin !== undefined && rule.origin.includes(origin)) {
      headers["access-control-allow-origin"] = origin;
      if (rule.credentials === true) headers["access-control-allow-credentials"] = "true";
    }
  }
  if (rule.maxAgeSeconds !== undefined) headers["access-control-max-age"] = String(rule.maxAgeSeconds);
  return headers;
}
