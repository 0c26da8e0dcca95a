/** One holder at a time, in the order of arrival. */
export class Mutex {
  readonly #waiting: ((release: () => void) => void)[] = [];
  #held = false;

  /** Resolves with the function that gives the mutex back; undefined when `timeoutMs` passed first. */
  acquire(timeoutMs: number): Promise<(() => void) | undefined> {
    if (!this.#held) {
      this.#held = true;
      return Promise.resolve(this.#releaser());
    }
    return new Promise((resolve) => {
      const entry = (release: () => void): void => {
        clearTimeout(timer);
        resolve(release);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        resolve(undefined);
      }, timeoutMs);
      this.#waiting.push(entry);
    });
  }

  #releaser(): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#held = false;
      else next(this.#releaser());
    };
  }
}
