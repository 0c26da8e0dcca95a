import type { Outcome } from "./group-commit.ts";
import { claimRefusal, type IdempotencyClaim } from "./idempotency.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

/**
 * The requests of a batch that their Idempotency-Keys settle, each with its stored answer or its refusal; the others
 * are to be done, and their answers recorded with `UnitOfWork.recordAll`.
 */
export async function settledByKey<R extends { readonly claim: IdempotencyClaim | undefined }>(
  uow: UnitOfWork,
  requests: readonly R[],
): Promise<ReadonlyMap<R, Outcome<Uint8Array>>> {
  const settled = new Map<R, Outcome<Uint8Array>>();
  const keyed = requests.flatMap((request) => (request.claim === undefined ? [] : [{ request, claim: request.claim }]));
  if (keyed.length === 0) return settled;
  const states = await uow.claimAll(keyed.map(({ claim }) => claim));
  for (const [index, { request }] of keyed.entries()) {
    const state = states[index];
    if (state === undefined || state.kind === "new") continue;
    settled.set(request, state.kind === "finished" ? { value: state.answer } : { error: claimRefusal(state) });
  }
  return settled;
}
