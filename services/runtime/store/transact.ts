import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { fail } from "../errors/fail.ts";
import type { Logger } from "../telemetry/logger.ts";
import { ActiveUnit, type UnitContext } from "./active-unit.ts";
import type { TransactOptions } from "./database.ts";
import type { Engine, Session } from "./engines/engine.ts";
import { claimId, claimRefusal } from "./idempotency.ts";
import type { StoredEvent } from "./outbox-table.ts";
import { cancelled, isStoreError, StoreError, toCallError } from "./store-error.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

const mostAttempts = 10;
/** A server that restarts costs one attempt; one that stays away should not cost the caller its deadline. */
const mostLostConnections = 2;

/** Runs units of work on one engine; see `Database.transact`. */
export class Transactions {
  readonly #engine: Engine;
  readonly #context: UnitContext;
  readonly #log: Logger;
  readonly #retryForMs: number;
  readonly #onEvents: (events: readonly StoredEvent[]) => void;
  readonly #inside = new AsyncLocalStorage<{ open: boolean }>();

  constructor(
    engine: Engine,
    context: UnitContext,
    options: { log: Logger; retryForMs: number; onEvents: (events: readonly StoredEvent[]) => void },
  ) {
    this.#engine = engine;
    this.#context = context;
    this.#log = options.log;
    this.#retryForMs = options.retryForMs;
    this.#onEvents = options.onEvents;
  }

  async transact<T>(work: (uow: UnitOfWork) => Promise<T>, options: TransactOptions<T> = {}): Promise<T> {
    this.refuseInside();
    const claim = options.idempotency?.claim;
    const running = claim && this.#context.inFlight.peek(claimId(claim), claim.fingerprint);
    const refusal = running && claimRefusal(running);
    if (refusal !== undefined) throw refusal;
    const started = performance.now();
    let lost = 0;
    for (let attempt = 1; ; attempt++) {
      if (options.signal?.aborted) throw cancelled(options.signal);
      try {
        return await this.#attempt(work, options);
      } catch (error) {
        const connectionLost = error instanceof StoreError && error.connectionLost;
        if (connectionLost) lost++;
        const transient = connectionLost ? lost <= mostLostConnections : isStoreError(error, "conflict");
        const again = transient && attempt < mostAttempts && performance.now() - started < this.#retryForMs;
        if (!again) throw toCallError(error);
        this.#log.debug({ err: error, attempt }, "transaction runs again");
        // Full jitter: those who collided must not meet again.
        await delay(Math.random() * Math.min(5 * 2 ** attempt, 500));
      }
    }
  }

  /** Throws inside a transaction: another one would wait for it on SQLite, and elsewhere for an exhausted pool. */
  refuseInside(): void {
    if (this.#inside.getStore()?.open) throw new Error("a transaction inside a transaction: use the unit of work");
  }

  async #attempt<T>(work: (uow: UnitOfWork) => Promise<T>, options: TransactOptions<T>): Promise<T> {
    const session = await this.#engine.begin();
    const unit = new ActiveUnit(session, this.#context, options.signal);
    const scope = { open: true };
    try {
      const { value, replayed, events } = await this.#inside
        .run(scope, () => runUnit(unit, work, options))
        .catch(async (error: unknown) => {
          unit.end();
          await session.rollback();
          throw error;
        });
      unit.end();
      if (replayed) {
        await session.rollback();
        return value;
      }
      await commit(session);
      this.#runActions(events === undefined ? unit.actions : [() => this.#onEvents(events), ...unit.actions]);
      return value;
    } finally {
      scope.open = false;
      unit.leave();
    }
  }

  #runActions(actions: readonly (() => void)[]): void {
    for (const action of actions) {
      try {
        action();
      } catch (error) {
        this.#log.error({ err: error }, "an action after a commit failed");
      }
    }
  }
}

interface Ran<T> {
  readonly value: T;
  /** The value is a stored answer: nothing is to be committed. */
  readonly replayed: boolean;
  readonly events: readonly StoredEvent[] | undefined;
}

async function runUnit<T>(
  unit: ActiveUnit,
  work: (uow: UnitOfWork) => Promise<T>,
  { idempotency, signal }: TransactOptions<T>,
): Promise<Ran<T>> {
  const claim = idempotency?.claim;
  if (idempotency !== undefined && claim !== undefined) {
    const [state] = await unit.claimAll([claim]);
    if (state?.kind === "finished") {
      idempotency.replayed?.();
      return { value: idempotency.decode(state.answer), replayed: true, events: undefined };
    }
    const refusal = state && claimRefusal(state);
    if (refusal !== undefined) throw refusal;
  }
  const value = await work(unit);
  if (idempotency !== undefined && claim !== undefined) {
    unit.recordAll([{ claim, answer: idempotency.encode(value) }]);
  }
  const events = await unit.flush();
  if (signal?.aborted) throw cancelled(signal);
  return { value, replayed: false, events };
}

async function commit(session: Session): Promise<void> {
  try {
    await session.commit();
  } catch (error) {
    const unknown = error instanceof StoreError && (error.connectionLost || error.kind === "timeout");
    if (!unknown) throw error;
    throw fail("STORE_UNAVAILABLE", {
      message: "the database went away during the commit: the outcome is unknown",
      cause: error,
    });
  }
}
