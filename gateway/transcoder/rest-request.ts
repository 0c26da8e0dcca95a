import type { IncomingHttpHeaders } from "node:http";
import type { HeaderReader } from "@ordermesh/runtime/auth/authenticator.ts";
import type { HttpRequest } from "./body.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";

/** A request as surfaces and authenticators see it. */
export interface RestRequest {
  readonly method: string;
  /** As it came, not decoded, without the query. */
  readonly path: string;
  /** As it came, without the question mark. */
  readonly query: string;
  /** Name of the surface that answers. */
  readonly surface: string;
  /** The caller's X-Request-Id where it is usable, else the trace id; the reply's header says it again. */
  readonly id: string;
  /** Headers by their names, in lower case. */
  readonly header: HeaderReader;
  /** The same as node has them. */
  readonly headers: IncomingHttpHeaders;
  /** Whether the client's connection is encrypted: as a proxy of ours says, else this one. */
  readonly encrypted: boolean;
  /** The client's address: as a proxy of ours says, else the peer's; undefined once that is gone. */
  readonly clientAddress: string | undefined;
}

/**
 * Path and query of a request target: origin form, or absolute form as proxies send it (RFC 9112, section 3.2). Bytes
 * beyond ASCII, which node gives as one character each, are escaped: clients do send them as they are.
 */
export function splitTarget(raw: string): { readonly path: string; readonly query: string } {
  const target = isAscii.test(raw) ? raw : raw.replace(beyondAscii, escapeBytes);
  const start = target.startsWith("/") ? 0 : (/^https?:\/\/[^/?]*/i.exec(target)?.[0].length ?? 0);
  const question = target.indexOf("?", start);
  if (question === -1) return { path: target.slice(start) || "/", query: "" };
  return { path: target.slice(start, question) || "/", query: target.slice(question + 1) };
}

const isAscii = /^[\x20-\x7e]*$/;
const beyondAscii = /[^\x20-\x7e]+/g;

function escapeBytes(bytes: string): string {
  return Buffer.from(bytes, "latin1")
    .toString("hex")
    .replace(/../g, (hex) => `%${hex}`);
}

/** What a request comes with, beside itself. */
export interface RequestSetting {
  readonly target: { readonly path: string; readonly query: string };
  readonly surface: string;
  readonly traceId: string;
  readonly proxies: TrustedProxies;
}

/** A RestRequest over node's. */
export class NodeRestRequest implements RestRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly surface: string;
  readonly id: string;
  readonly #request: HttpRequest;
  readonly #proxies: TrustedProxies;

  constructor(request: HttpRequest, { target, surface, traceId, proxies }: RequestSetting) {
    this.method = request.method ?? "GET";
    this.path = target.path;
    this.query = target.query;
    this.surface = surface;
    this.#request = request;
    this.#proxies = proxies;
    const id = request.headers["x-request-id"];
    this.id = typeof id === "string" && /^[\x21-\x7e]{1,128}$/.test(id) ? id : traceId;
  }

  get headers(): IncomingHttpHeaders {
    return this.#request.headers;
  }

  get header(): HeaderReader {
    return this;
  }

  get(name: string): string | null {
    const value = this.#request.headers[name];
    return (Array.isArray(value) ? value.join(", ") : value) ?? null;
  }

  get encrypted(): boolean {
    // The nearest proxy's word is the last where several were written.
    const told = this.#told("x-forwarded-proto")?.split(",").at(-1)?.trim().toLowerCase();
    if (told === "https" || told === "http") return told === "https";
    return "encrypted" in this.#request.socket && this.#request.socket.encrypted === true;
  }

  get clientAddress(): string | undefined {
    const told = this.#told("x-forwarded-for");
    const client = told === undefined ? undefined : this.#proxies.clientOf(told);
    return client ?? this.#request.socket.remoteAddress;
  }

  /** A header that a proxy of ours wrote. */
  #told(name: string): string | undefined {
    return this.#proxies.isTrusted(this.#request.socket) ? (this.get(name) ?? undefined) : undefined;
  }
}
