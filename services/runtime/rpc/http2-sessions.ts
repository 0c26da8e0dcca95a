import type { ServerHttp2Session } from "node:http2";

/** HTTP/2 connections; Node has no idle timeout for them that pings and dribbled bytes do not reset. */
export class Http2Sessions {
  readonly #idleTimeoutMs: number;
  readonly #sessions = new Map<ServerHttp2Session, { streams: number; idleSince: number }>();

  constructor(idleTimeoutMs: number) {
    this.#idleTimeoutMs = idleTimeoutMs;
  }

  add(session: ServerHttp2Session): void {
    const use = { streams: 0, idleSince: performance.now() };
    this.#sessions.set(session, use);
    session.on("stream", (stream) => {
      use.streams += 1;
      stream.on("close", () => {
        use.streams -= 1;
        use.idleSince = performance.now();
      });
    });
    session.on("close", () => this.#sessions.delete(session));
  }

  /** Closes what has been idle for too long (GOAWAY first: clients open another one). */
  sweep(): void {
    const limit = performance.now() - this.#idleTimeoutMs;
    for (const [session, { streams, idleSince }] of this.#sessions) {
      if (streams === 0 && idleSince < limit) session.close();
    }
  }

  /** GOAWAY; streams in flight finish. */
  close(): void {
    for (const session of this.#sessions.keys()) session.close();
  }
}
