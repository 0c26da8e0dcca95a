import { Code, ConnectError } from "@connectrpc/connect";
import type { Node } from "../gen/envoy/config/core/v3/base_pb.js";
import type { ResourceSource } from "./resource.ts";
import type { Push, Reply, Session } from "./session.ts";
import { Wake } from "./wake.ts";

/** Who a client says it is, in the first request of a stream. */
export interface NodeInfo {
  readonly id: string;
  readonly cluster: string;
  readonly zone: string;
  /** As "envoy 1.40.0". */
  readonly userAgent: string;
}

export interface ConnectionOptions<Request, Response> {
  readonly session: Session;
  readonly receive: (request: Request) => Reply;
  readonly encode: (push: Push) => Response;
  /** Called for the first request, before it is answered: says which snapshot is this client's. */
  readonly onNode: (node: Node | undefined) => void;
  readonly onReply: (reply: Reply) => void;
  readonly onPush: (push: Push) => void;
  /** How long an update waits for what the client should ask for or acknowledge first (milliseconds). */
  readonly patienceMs: number;
  readonly maxNames: number;
}

/** Drives a session over a bidirectional stream. Responses are made when the transport asks for them, never ahead. */
export class Connection<Request extends { node?: Node }, Response> {
  readonly #options: ConnectionOptions<Request, Response>;
  readonly #wake = new Wake();
  #end: { readonly error?: unknown } | undefined;

  constructor(options: ConnectionOptions<Request, Response>) {
    this.#options = options;
  }

  setSource(source: ResourceSource): void {
    this.#options.session.source = source;
    this.#wake.notify();
  }

  /** Ends the stream, with an error for the client. */
  close(error: unknown): void {
    this.#finish({ error });
  }

  async *run(requests: AsyncIterable<Request>): AsyncGenerator<Response> {
    const { session, encode, onPush, patienceMs } = this.#options;
    void this.#read(requests);
    let waitingSince: number | undefined;
    while (this.#end === undefined) {
      const push = session.next();
      if (push !== undefined) {
        onPush(push);
        yield encode(push);
        continue;
      }
      waitingSince = session.waiting ? (waitingSince ?? performance.now()) : undefined;
      const left = waitingSince === undefined ? undefined : waitingSince + patienceMs - performance.now();
      if (!(await this.#wake.sleep(left))) session.proceed();
    }
    if (this.#end.error !== undefined) throw this.#end.error;
  }

  async #read(requests: AsyncIterable<Request>): Promise<void> {
    const { session, receive, onNode, onReply, maxNames } = this.#options;
    let first = true;
    try {
      for await (const request of requests) {
        if (first) onNode(request.node);
        first = false;
        onReply(receive(request));
        if (session.size > maxNames) {
          throw new ConnectError(`more than ${maxNames} resources on one stream`, Code.ResourceExhausted);
        }
        this.#wake.notify();
      }
      this.#finish({});
    } catch (error) {
      this.#finish({ error });
    }
  }

  #finish(end: { readonly error?: unknown }): void {
    this.#end ??= end;
    this.#wake.notify();
  }
}
