import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest } from "node:http2";

/** Requests being served. */
export class RunningRequests {
  readonly #requestTimeoutMs: number;
  readonly #running = new Map<ServerResponse, { readonly request: IncomingMessage; readonly until: number }>();

  constructor(requestTimeoutMs: number) {
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  /** `endless`: its body may take any time. */
  add(request: IncomingMessage, response: ServerResponse, endless: boolean): void {
    const until = endless ? Number.POSITIVE_INFINITY : performance.now() + this.#requestTimeoutMs;
    this.#running.set(response, { request, until });
  }

  /** To be called once the response has closed. */
  delete(response: ServerResponse): void {
    this.#running.delete(response);
  }

  /** Resets HTTP/2 streams whose body is late; over HTTP/1.1 Node does that itself (`requestTimeout`). */
  sweep(): void {
    const now = performance.now();
    for (const { request, until } of this.#running.values()) {
      if (until > now || request.complete || request.httpVersionMajor !== 2) continue;
      (request as unknown as Http2ServerRequest).stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    }
  }

  /** Their HTTP/1.1 connections close after them, and say so where the headers have not left yet. */
  lastOnTheirConnections(): void {
    for (const [response, { request }] of this.#running) {
      if (request.httpVersionMajor === 1) response.shouldKeepAlive = false;
    }
  }
}
