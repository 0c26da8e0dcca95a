/** What the caller's Idempotency-Key stands for; made by the interceptor, used by `Database.transact`. */
export interface IdempotencyClaim {
  /** Caller and method: the same key of another caller or method is another key. */
  readonly scope: string;
  readonly key: string;
  /** SHA-256 (hex) of the canonical request. */
  readonly fingerprint: string;
}
