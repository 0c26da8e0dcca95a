import type { Dispatcher } from "undici";
import type { CallEnd } from "./call-end.ts";

export interface HttpReply {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
}

/**
 * One POST and its whole reply, without the streams and signals of undici's `request`. Rejects with the error of `end` as
 * soon as that comes, be the request on its way or still waiting for a connection, else with undici's.
 */
export function exchangeHttp(
  dispatcher: Dispatcher,
  request: { readonly path: string; readonly headers: string[]; readonly body: Uint8Array },
  end: CallEnd,
): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    dispatcher.dispatch({ method: "POST", ...request }, new ReplyReader(end, resolve, reject));
  });
}

class ReplyReader implements Dispatcher.DispatchHandler {
  readonly #end: CallEnd;
  readonly #resolve: (reply: HttpReply) => void;
  readonly #reject: (error: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: HttpReply["headers"] = {};
  readonly #chunks: Buffer[] = [];

  constructor(end: CallEnd, resolve: (reply: HttpReply) => void, reject: (error: Error) => void) {
    this.#end = end;
    this.#resolve = resolve;
    this.#reject = reject;
    end.listen((error) => {
      this.#controller?.abort(error);
      reject(error);
    });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It waited for a connection in vain: nothing of it is sent.
    if (this.#end.error !== undefined) controller.abort(this.#end.error);
  }

  /** Informational replies come before the reply, which overwrites them. */
  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[]>,
  ): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const [first, ...more] = this.#chunks;
    const body = first !== undefined && more.length === 0 ? first : Buffer.concat(this.#chunks);
    this.#resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error);
  }
}
