import { connect, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";
import type { Connection, ConnectionEvents, Target } from "./connection.ts";
import { encodeRequest } from "./encode-request.ts";
import type { LoadRequest } from "./plan.ts";
import { ResponseReader } from "./response-reader.ts";

/** HTTP/1.1 with keep-alive straight on a socket: the generator must cost less than what it measures. */
export class Http1Connection implements Connection {
  readonly #socket: Socket;
  readonly #host: string;
  readonly #reader = new ResponseReader();

  constructor({ url, ca }: Target, events: ConnectionEvents) {
    this.#host = url.host;
    const address = { host: url.hostname, port: Number(url.port), noDelay: true };
    const isSecure = url.protocol === "https:";
    this.#socket = isSecure ? connectSecurely({ ...address, ca, ALPNProtocols: ["http/1.1"] }) : connect(address);
    this.#socket.on(isSecure ? "secureConnect" : "connect", () => events.ready(this));
    this.#socket.on("data", (chunk: Buffer) => {
      const answer = this.#reader.push(chunk);
      if (answer !== undefined) events.answer(this, answer);
    });
    this.#socket.on("error", (error) => events.lost(error));
    this.#socket.on("end", () => events.lost(new Error("the server closed a connection")));
  }

  send(request: LoadRequest): void {
    this.#socket.write(encodeRequest(request, this.#host));
  }

  close(): void {
    this.#socket.removeAllListeners("end");
    this.#socket.destroy();
  }
}
