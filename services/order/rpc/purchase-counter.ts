import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { GetPurchaseStatsResponseSchema } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import { reasonOf } from "@ordermesh/runtime/errors/inspect.ts";

type Kind = "accepted" | "refused" | "turnedAway" | "late" | "failed";

/** Codes that blame neither the buyer nor the sale. */
const failures: ReadonlySet<Code> = new Set([Code.Unavailable, Code.Aborted, Code.Internal, Code.Unknown]);

/** What came of one instance's purchases since it started (docs/contracts/minishop.md 1.5, S9). */
export class PurchaseCounter {
  readonly #since = timestampFromMs(Date.now());
  readonly #counts: Record<Kind, number> = { accepted: 0, refused: 0, turnedAway: 0, late: 0, failed: 0 };
  #asked = 0;
  #waitedMs = 0;
  #longestMs = 0;

  /** Counts a purchase and passes its outcome on. */
  async count<T>(purchase: Promise<T>): Promise<T> {
    this.#asked += 1;
    const askedAt = performance.now();
    try {
      const result = await purchase;
      this.#settle("accepted", askedAt);
      return result;
    } catch (error) {
      this.#settle(kindOf(error), askedAt);
      throw error;
    }
  }

  /** `waiting` and `free`: the queue's, now. */
  stats(waiting: number, free: number): MessageInitShape<typeof GetPurchaseStatsResponseSchema> {
    const { accepted, refused, turnedAway, late, failed } = this.#counts;
    const answered = accepted + refused;
    return {
      since: this.#since,
      askedCount: BigInt(this.#asked),
      acceptedCount: BigInt(accepted),
      refusedCount: BigInt(refused),
      turnedAwayCount: BigInt(turnedAway),
      lateCount: BigInt(late),
      failedCount: BigInt(failed),
      waitingCount: BigInt(waiting),
      freePlaces: BigInt(free),
      averageWait: duration(answered === 0 ? 0 : this.#waitedMs / answered),
      longestWait: duration(this.#longestMs),
    };
  }

  #settle(kind: Kind, askedAt: number): void {
    this.#counts[kind] += 1;
    if (kind !== "accepted" && kind !== "refused") return;
    const waitedMs = performance.now() - askedAt;
    this.#waitedMs += waitedMs;
    this.#longestMs = Math.max(this.#longestMs, waitedMs);
  }
}

function kindOf(error: unknown): Kind {
  if (!(error instanceof ConnectError) || failures.has(error.code)) return "failed";
  if (error.code === Code.Canceled || error.code === Code.DeadlineExceeded) return "late";
  return reasonOf(error) === "QUEUE_FULL" ? "turnedAway" : "refused";
}

function duration(ms: number): { seconds: bigint; nanos: number } {
  const nanos = Math.round(ms * 1_000_000);
  return { seconds: BigInt(Math.floor(nanos / 1_000_000_000)), nanos: nanos % 1_000_000_000 };
}
