import type { Answer, LoadRequest } from "./plan.ts";

/** One connection with one request on its way at a time. */
export interface Connection {
  send(request: LoadRequest): void;
  close(): void;
}

export interface ConnectionEvents {
  /** The server takes requests now. */
  ready(connection: Connection): void;
  answer(connection: Connection, answer: Answer): void;
  /** It cannot be had, or ended before it was closed. */
  lost(error: Error): void;
}

export interface Target {
  readonly url: URL;
  /** Certificates of the authority that signed the server's, PEM. */
  readonly ca: string | undefined;
}

export type OpenConnection = new (target: Target, events: ConnectionEvents) => Connection;
