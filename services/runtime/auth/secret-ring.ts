/** HMAC keys shorter than the hash can be guessed (RFC 7518, section 3.2). */
export const minimumSecretBytes = 32;

/**
 * The secrets of one HMAC key while it is rotated: the first signs, all verify. They may be replaced while the program
 * runs; whoever keeps what was made with them looks whether `current` is still the same array.
 */
export class SecretRing {
  #current: readonly string[];
  readonly #listeners = new Set<() => void>();

  /** Throws without a secret. */
  constructor(secrets: readonly string[]) {
    this.#current = notEmpty(secrets);
  }

  get current(): readonly string[] {
    return this.#current;
  }

  /** Throws without a secret; the old ones stay then. */
  replace(secrets: readonly string[]): void {
    const next = notEmpty(secrets);
    if (next.length === this.#current.length && next.every((secret, i) => secret === this.#current[i])) return;
    this.#current = next;
    for (const listener of [...this.#listeners]) listener();
  }

  /** `listener` is called after each change; the result ends that. */
  onChange(listener: () => void): () => void {
    const entry = () => listener();
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }
}

/** Secrets, one a line. Throws when there is none, or one is too short to be a secret; quotes none. */
export function parseSecrets(text: string): readonly string[] {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const short = lines.findIndex((line) => Buffer.byteLength(line) < minimumSecretBytes);
  if (short !== -1) throw new Error(`secret ${short + 1} has less than ${minimumSecretBytes} bytes`);
  return notEmpty(lines);
}

function notEmpty(secrets: readonly string[]): readonly string[] {
  if (secrets.length === 0) throw new Error("there is no secret");
  return secrets;
}
