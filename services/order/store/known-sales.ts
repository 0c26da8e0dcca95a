import type { ActivityRow } from "../domain/activity.ts";
import type { PurchaseTarget, Sales } from "../domain/purchase-decision.ts";

/** A window that was set anew, or a sale of another process, is looked at again after so long (milliseconds). */
const knownForMs = 1000;
const mostKnown = 1000;

/**
 * The sales that purchases asked for lately, as this process saw them last. Good for a first guess at who gets one,
 * never for a refusal: whoever takes the stock finds out under the row's lock whether the guess still holds.
 */
export class KnownSales {
  readonly #sales = new Map<string, { readonly activity: ActivityRow; readonly knownAt: number }>();
  readonly #byProduct = new Map<string, string>();
  /** The database's clock less this process's monotonic one (milliseconds). */
  #clock = 0;

  /** What is known of them, or undefined where one is not. */
  guess(targets: readonly PurchaseTarget[]): Sales | undefined {
    const byId = new Map<string, ActivityRow>();
    const byProduct = new Map<string, ActivityRow>();
    const now = performance.now();
    for (const target of targets) {
      const id = "activityId" in target ? target.activityId : this.#byProduct.get(target.productId);
      const known = id === undefined ? undefined : this.#sales.get(id);
      if (known === undefined || now - known.knownAt > knownForMs) return undefined;
      if ("activityId" in target) byId.set(known.activity.id, known.activity);
      else byProduct.set(target.productId, known.activity);
    }
    return { byId, byProduct, nowMs: Math.floor(now + this.#clock) };
  }

  /** Takes in what was read. */
  learn({ byId, byProduct, nowMs }: Sales): void {
    // Without a row there is no time, either.
    if (byId.size === 0 && byProduct.size === 0) return;
    if (this.#sales.size > mostKnown) this.#forgetAll();
    const knownAt = performance.now();
    this.#clock = nowMs - knownAt;
    for (const activity of byId.values()) this.#sales.set(activity.id, { activity, knownAt });
    for (const [productId, activity] of byProduct) {
      this.#sales.set(activity.id, { activity, knownAt });
      this.#byProduct.set(productId, activity.id);
    }
  }

  /** Takes in how much of an activity was left after a commit; commits may be told out of their order. */
  sold(activityId: string, free: number): void {
    const known = this.#sales.get(activityId);
    if (known === undefined || known.activity.free <= free) return;
    this.#sales.set(activityId, { ...known, activity: { ...known.activity, free } });
  }

  /** What was known of it held no longer. */
  forget(activityId: string): void {
    this.#sales.delete(activityId);
  }

  #forgetAll(): void {
    this.#sales.clear();
    this.#byProduct.clear();
  }
}
