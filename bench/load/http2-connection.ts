import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import type { Connection, ConnectionEvents, Target } from "./connection.ts";
import type { LoadRequest } from "./plan.ts";

/** HTTP/2, without TLS by prior knowledge. A gRPC status other than 0 makes the status 500 plus that number. */
export class Http2Connection implements Connection {
  readonly #session: ClientHttp2Session;
  readonly #events: ConnectionEvents;

  constructor({ url, ca }: Target, events: ConnectionEvents) {
    this.#events = events;
    this.#session = connect(url, ca === undefined ? {} : { ca });
    this.#session.on("connect", () => events.ready(this));
    this.#session.on("error", (error) => events.lost(error));
    this.#session.on("goaway", () => events.lost(new Error("the server closed a connection")));
  }

  send({ method, path, headers, body }: LoadRequest): void {
    const stream = this.#session.request({ ":method": method, ":path": path, ...headers });
    let status = 0;
    const parts: Buffer[] = [];
    const addGrpcStatus = (fields: IncomingHttpHeaders) => {
      const code = Number(fields["grpc-status"] ?? 0);
      if (code !== 0) status = 500 + code;
    };
    stream.on("response", (fields) => {
      status = fields[":status"] ?? 0;
      addGrpcStatus(fields);
    });
    stream.on("trailers", addGrpcStatus);
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("end", () => this.#events.answer(this, { status, body: Buffer.concat(parts) }));
    stream.on("error", (error) => this.#events.lost(error));
    stream.end(body);
  }

  close(): void {
    this.#session.removeAllListeners("goaway");
    this.#session.destroy();
  }
}
