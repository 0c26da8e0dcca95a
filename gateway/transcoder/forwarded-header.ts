import type { HeaderReader } from "@ordermesh/runtime/auth/authenticator.ts";
import { idempotencyKeyHeader } from "@ordermesh/runtime/rpc/interceptors/idempotency.ts";
import type { RestRequest } from "./rest-request.ts";

/** Request headers that reach the service, beside the request's id. */
const forwarded = ["authorization", "x-api-key", idempotencyKeyHeader, "tracestate", "prefer", "accept-language"];

/** What a service sees of a REST request's headers. */
export class ForwardedHeader implements HeaderReader {
  readonly #request: RestRequest;

  constructor(request: RestRequest) {
    this.#request = request;
  }

  get(name: string): string | null {
    if (name === "x-request-id") return this.#request.id;
    const value = forwarded.includes(name) ? this.#request.headers[name] : undefined;
    return typeof value === "string" ? value : null;
  }

  /** All of them; most calls never ask. */
  readonly all = (): Headers => {
    const header = new Headers({ "x-request-id": this.#request.id });
    for (const name of forwarded) {
      const value = this.get(name);
      if (value !== null) header.set(name, value);
    }
    return header;
  };
}
