import { Wake } from "../wake.ts";

/** The client's end of a bidirectional stream, to be written and read by hand. */
export interface StreamClient<Request, Response> {
  send(request: Request): void;
  /** The next response; rejects when the stream has ended. */
  read(): Promise<Response>;
  /** No more requests. */
  end(): void;
  /** Rejects with what ended the stream; resolves where it ended well. */
  readonly done: () => Promise<void>;
}

/** Opens a stream through a method of a Connect client. */
export function openStream<Request, Response>(
  method: (requests: AsyncIterable<Request>) => AsyncIterable<Response>,
): StreamClient<Request, Response> {
  const queue: Request[] = [];
  const wake = new Wake();
  let ended = false;
  async function* requests() {
    while (true) {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) yield next;
      if (ended) return;
      await wake.sleep();
    }
  }
  const responses = method(requests())[Symbol.asyncIterator]();
  return {
    send(request) {
      queue.push(request);
      wake.notify();
    },
    async read() {
      const { done, value } = await responses.next();
      if (done === true) throw new Error("the stream has ended");
      return value;
    },
    end() {
      ended = true;
      wake.notify();
    },
    async done() {
      while ((await responses.next()).done !== true);
    },
  };
}
