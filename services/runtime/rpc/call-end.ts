import type { ConnectError } from "@connectrpc/connect";

/** The early end of a call: as an AbortSignal, which costs microseconds, for one listener at a time. */
export class CallEnd {
  #error: ConnectError | undefined;
  #listener: ((error: ConnectError) => void) | undefined;

  /** What the call fails with; undefined while it may go on. */
  get error(): ConnectError | undefined {
    return this.#error;
  }

  /** Only the first end counts. */
  end(error: ConnectError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#listener?.(error);
  }

  throwIfEnded(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  /** Tells `listener`, and nobody else any more, when the call ends; not of an end that is past. */
  listen(listener: (error: ConnectError) => void): void {
    this.#listener = listener;
  }

  /** Rejects with the call's error once it has ended. */
  async pause(milliseconds: number): Promise<void> {
    this.throwIfEnded();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, milliseconds);
      this.listen((error) => {
        clearTimeout(timer);
        reject(error);
      });
    });
  }
}
