import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { Principal } from "@ordermesh/runtime/auth/principal.ts";
import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import { idempotentReplayedHeader } from "@ordermesh/runtime/rpc/interceptors/idempotency.ts";
import { settledByKey } from "@ordermesh/runtime/store/batch-claims.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { type GroupLimits, groupCommit, type Outcome } from "@ordermesh/runtime/store/group-commit.ts";
import type { IdempotencyClaim } from "@ordermesh/runtime/store/idempotency.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";

export interface CommandBatchOptions<C, R, S extends DescMessage> {
  readonly database: Database;
  /** Of the answers, as idempotency keys keep them. */
  readonly schema: S;
  /** Does commands in one transaction; outcomes in their order. See `GroupCommitOptions.run`. */
  run(uow: UnitOfWork, commands: readonly C[]): Promise<readonly Outcome<R>[]>;
  /** What the caller gets for what was done. */
  answer(done: R, principal: Principal): MessageInitShape<S>;
  readonly limits?: GroupLimits | undefined;
}

interface Request<C> {
  readonly command: C;
  readonly principal: Principal;
  readonly claim: IdempotencyClaim | undefined;
}

type Answer<S extends DescMessage> = { readonly made: MessageShape<S> } | { readonly stored: Uint8Array };

/**
 * Commits together the commands that arrive together, each with its own outcome and its own Idempotency-Key. A caller
 * who leaves after the commit began changes nothing.
 */
export function commandBatch<C, R, S extends DescMessage>(
  options: CommandBatchOptions<C, R, S>,
): (command: C, context: CallContext) => Promise<MessageShape<S>> {
  const { database, schema, run, answer, limits } = options;

  async function runAll(uow: UnitOfWork, requests: readonly Request<C>[]): Promise<readonly Outcome<Answer<S>>[]> {
    const settled = await settledByKey(uow, requests);
    const open = requests.filter((request) => !settled.has(request));
    const done = await run(
      uow,
      open.map(({ command }) => command),
    );
    const outcomes = new Map(open.map((request, index) => [request, done[index]]));
    return requests.map((request): Outcome<Answer<S>> => {
      const known = settled.get(request);
      if (known !== undefined) return "value" in known ? { value: { stored: known.value } } : known;
      const outcome = outcomes.get(request);
      if (outcome === undefined) throw new Error(`${open.length} commands got ${done.length} outcomes`);
      if (!("value" in outcome)) return outcome;
      const made = create(schema, answer(outcome.value, request.principal));
      if (request.claim !== undefined) uow.recordAll([{ claim: request.claim, answer: toBinary(schema, made) }]);
      return { value: { made } };
    });
  }

  const group = groupCommit<Request<C>, Answer<S>>({ database, run: runAll, ...limits });

  return async (command, context) => {
    const { principal, idempotency: claim, signal, deadline } = context;
    const told = await group.commit({ command, principal, claim }, { signal, deadline });
    if ("made" in told) return told.made;
    context.responseHeader.set(idempotentReplayedHeader, "true");
    return fromBinary(schema, told.stored);
  };
}
