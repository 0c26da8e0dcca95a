/** Lets one loop sleep until somebody has news; news that come while it is awake are not lost. */
export class Wake {
  #pending = false;
  #resolve: (() => void) | undefined;

  readonly notify = (): void => {
    this.#pending = true;
    this.#resolve?.();
  };

  /** Resolves at the next news, or after `timeoutMs` with false. */
  async sleep(timeoutMs?: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    if (!this.#pending) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        if (timeoutMs !== undefined) timer = setTimeout(resolve, timeoutMs);
      });
    }
    clearTimeout(timer);
    const told = this.#pending;
    this.#pending = false;
    this.#resolve = undefined;
    return told;
  }
}
