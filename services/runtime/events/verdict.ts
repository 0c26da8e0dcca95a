import type { Logger } from "../telemetry/logger.ts";
import type { BatchHandler, ConsumerSpec, Delivery, Outcome } from "./bus.ts";

/** What the bus does with a delivery after its handler (or instead of it). */
export type Verdict =
  | { readonly kind: "ack" }
  | {
      readonly kind: "retry";
      readonly delayMs: number;
      /** Deliveries to remember: the next one is this plus one. */
      readonly attempts: number;
      /** The next delivery is not to share a batch. */
      readonly alone: boolean;
    }
  | { readonly kind: "dead"; readonly reason: string };

/**
 * Deliveries to assume of a message that was in somebody's hands, with others, when that process ended. Never all of
 * them: a message goes to the dead letters unhandled only after it was alone in the hands of a process that ended.
 */
export function attemptsOfSuspect(spec: ConsumerSpec, known = 1): number {
  return Math.min(known, spec.maxDeliveries - 1);
}

/** Runs the handler on a batch and decides on each delivery, in their order. Never throws. */
export async function decide(
  spec: ConsumerSpec,
  handler: BatchHandler,
  batch: readonly Delivery[],
  log: Logger,
): Promise<Verdict[]> {
  const handled = batch.filter((delivery) => delivery.attempt <= spec.maxDeliveries);
  const verdicts = new Map<Delivery, Verdict>();
  try {
    const outcomes = handled.length === 0 ? [] : await handler(handled);
    if (outcomes.length !== handled.length) {
      throw new Error(`the handler gave ${outcomes.length} outcomes for ${handled.length} deliveries`);
    }
    outcomes.forEach((outcome, i) => {
      const delivery = handled[i] as Delivery;
      verdicts.set(delivery, verdictOf(spec, delivery, outcome));
    });
  } catch (error) {
    log.error({ err: error, ...of(spec), deliveries: handled.length }, "the handler of a batch failed");
    const reason = error instanceof Error ? error.message : String(error);
    for (const delivery of handled) verdicts.set(delivery, verdictOfThrow(spec, delivery, reason, handled.length));
  }
  const unhandled: Verdict = { kind: "dead", reason: `not settled in ${spec.maxDeliveries} deliveries` };
  return batch.map((delivery) => {
    const verdict = verdicts.get(delivery) ?? unhandled;
    if (verdict.kind === "dead") log.warn({ ...of(spec), ...about(delivery), reason: verdict.reason }, "dead letter");
    return verdict;
  });
}

/** A handler that has not answered for so many ack waits is taken for dead. */
const stuckAfterAckWaits = 10;

/** Whether a subscription's handler is at work, and whether it has been for too long. */
export class HandlerWatch {
  readonly #limitMs: number;
  #since: number | undefined;

  constructor({ ackWaitMs }: ConsumerSpec) {
    this.#limitMs = stuckAfterAckWaits * ackWaitMs;
  }

  /** Also said again while it is at work: for the next message of a batch that is handled one by one. */
  begin(): void {
    this.#since = Date.now();
  }

  end(): void {
    this.#since = undefined;
  }

  get busy(): boolean {
    return this.#since !== undefined;
  }

  get stuck(): boolean {
    return this.#since !== undefined && Date.now() - this.#since > this.#limitMs;
  }

  /** Resolves when it is not at work, or when there is no use in waiting for it. */
  async idle(): Promise<void> {
    while (this.busy && !this.stuck) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function verdictOf(spec: ConsumerSpec, delivery: Delivery, outcome: Outcome): Verdict {
  if (outcome.kind === "ack") return outcome;
  if (outcome.kind === "reject" || delivery.attempt >= spec.maxDeliveries) {
    return { kind: "dead", reason: outcome.reason };
  }
  const delayMs = outcome.delayMs ?? backoff(spec, delivery.attempt);
  return { kind: "retry", delayMs, attempts: delivery.attempt, alone: false };
}

function verdictOfThrow(spec: ConsumerSpec, delivery: Delivery, reason: string, batchSize: number): Verdict {
  const attempts = batchSize === 1 ? delivery.attempt : attemptsOfSuspect(spec, delivery.attempt);
  if (attempts >= spec.maxDeliveries) return { kind: "dead", reason };
  return { kind: "retry", delayMs: backoff(spec, delivery.attempt), attempts, alone: true };
}

function backoff(spec: ConsumerSpec, attempt: number): number {
  return spec.backoffMs[Math.min(attempt, spec.backoffMs.length) - 1] ?? 0;
}

function of(spec: ConsumerSpec) {
  return { stream: spec.stream, consumer: spec.durable };
}

function about({ subject, sequence, id, attempt }: Delivery) {
  return { subject, sequence, id, attempt };
}
