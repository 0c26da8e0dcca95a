import { createHash } from "node:crypto";
import type { ConnectError } from "@connectrpc/connect";
import { fail } from "../errors/fail.ts";

/** What the caller's Idempotency-Key stands for; made by the interceptor, used by `Database.transact`. */
export interface IdempotencyClaim {
  /** Caller and method: the same key of another caller or method is another key. */
  readonly scope: string;
  readonly key: string;
  /** SHA-256 (hex) of the canonical request. */
  readonly fingerprint: string;
}

/** What became of one claim. */
export type ClaimState =
  /** Ours: run, then record the answer. */
  | { readonly kind: "new" }
  /** Ran before with the same request: this was the answer. */
  | { readonly kind: "finished"; readonly answer: Uint8Array }
  /** The key stands for another request. */
  | { readonly kind: "reused" }
  /** The same request runs at this moment. */
  | { readonly kind: "in-flight" };

/** A claim that was new, and what its request is answered from now on. */
export interface IdempotencyAnswer {
  readonly claim: IdempotencyClaim;
  readonly answer: Uint8Array;
}

/** How long a caller waits before it asks again for a request in flight (milliseconds). */
const retryInFlightMs = 500;

/** The refusal that a claim's state means, if any (draft-ietf-httpapi-idempotency-key-header, section 2.7). */
export function claimRefusal(state: ClaimState): ConnectError | undefined {
  if (state.kind === "reused") return fail("IDEMPOTENCY_KEY_REUSED");
  if (state.kind === "in-flight") return inFlightRefusal();
  return undefined;
}

export function inFlightRefusal(cause?: unknown): ConnectError {
  return fail("IDEMPOTENCY_IN_FLIGHT", { retryAfterMs: retryInFlightMs, cause });
}

/** Scope and key of any length as one key of fixed length. */
export function claimId(claim: IdempotencyClaim): string {
  return createHash("sha256").update(`${claim.scope.length}:${claim.scope}${claim.key}`).digest("base64url");
}

/** The requests with a key that run in this process: a second one hears of it without asking the database. */
export class InFlight {
  readonly #fingerprints = new Map<string, string>();

  /** The state that the key has already, or undefined. */
  peek(id: string, fingerprint: string): ClaimState | undefined {
    const running = this.#fingerprints.get(id);
    if (running === undefined) return undefined;
    return running === fingerprint ? { kind: "in-flight" } : { kind: "reused" };
  }

  /** As `peek`; a free key is taken, and the caller must `leave`. */
  enter(id: string, fingerprint: string): ClaimState | undefined {
    const state = this.peek(id, fingerprint);
    if (state === undefined) this.#fingerprints.set(id, fingerprint);
    return state;
  }

  leave(id: string): void {
    this.#fingerprints.delete(id);
  }
}
