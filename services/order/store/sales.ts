import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { Database, TransactOptions } from "@ordermesh/runtime/store/database.ts";
import { newId } from "@ordermesh/runtime/store/id.ts";
import { isDuplicateKey } from "@ordermesh/runtime/store/store-error.ts";
import type { UnitOfWork } from "@ordermesh/runtime/store/unit-of-work.ts";
import { type ActivityRow, type ActivityTerms, activityStates, sameTerms } from "../domain/activity.ts";
import { orderErrors } from "../domain/order-errors.ts";
import {
  activityById,
  closeActivity,
  insertActivity,
  lockActivities,
  openActivity,
  openSale,
  setWindow,
} from "./activity-store.ts";

type Options = TransactOptions<ActivityRow>;

/** Makes an activity, open at once with `prewarm`. Throws SALE_OPEN, which says whether the open sale is identical. */
export function createActivity(
  database: Database,
  terms: ActivityTerms,
  prewarm: boolean,
  options: Options,
): Promise<ActivityRow> {
  const id = newId("act_");
  return opening(database, options, async (uow) => {
    if (prewarm) await refuseSecondSale(uow, terms);
    const nowMs = await uow.now();
    await insertActivity(uow, id, terms, nowMs);
    if (prewarm) await openActivity(uow, { id, productId: terms.productId }, nowMs);
    return stored(uow, id);
  });
}

/** Opens a draft; an open activity stays as it is. Throws ACTIVITY_NOT_FOUND, ACTIVITY_CLOSED, SALE_OPEN. */
export function prewarmActivity(database: Database, id: string, options: Options): Promise<ActivityRow> {
  return opening(database, options, async (uow) => {
    const activity = await locked(uow, id);
    if (activity.state === activityStates.open) return activity;
    if (activity.state === activityStates.closed) throw fail(orderErrors.ACTIVITY_CLOSED);
    await refuseSecondSale(uow, activity);
    await openActivity(uow, activity, await uow.now());
    return stored(uow, id);
  });
}

/** Ends a sale, or a draft; a closed one stays as it is. Throws ACTIVITY_NOT_FOUND. */
export function endActivity(database: Database, id: string, options: Options): Promise<ActivityRow> {
  return database.transact(async (uow) => {
    const activity = await locked(uow, id);
    if (activity.state === activityStates.closed) return activity;
    await closeActivity(uow, id, await uow.now());
    return stored(uow, id);
  }, options);
}

/** Sets both ends of the window. Throws ACTIVITY_NOT_FOUND, ACTIVITY_CLOSED. */
export function scheduleActivity(
  database: Database,
  id: string,
  window: Pick<ActivityTerms, "startsAt" | "endsAt">,
  options: Options,
): Promise<ActivityRow> {
  return database.transact(async (uow) => {
    const activity = await locked(uow, id);
    if (activity.state === activityStates.closed) throw fail(orderErrors.ACTIVITY_CLOSED);
    await setWindow(uow, id, window, await uow.now());
    return stored(uow, id);
  }, options);
}

/** Runs again where another process opened a sale of the product meanwhile: then `work` finds that one. */
async function opening(
  database: Database,
  options: Options,
  work: (uow: UnitOfWork) => Promise<ActivityRow>,
): Promise<ActivityRow> {
  for (;;) {
    try {
      return await database.transact(work, options);
    } catch (error) {
      if (!isDuplicateKey(error, "activities_open_product", ["open_product"])) throw error;
    }
  }
}

async function refuseSecondSale(uow: UnitOfWork, terms: ActivityTerms): Promise<void> {
  const open = await openSale(uow, terms.productId);
  if (open === undefined) return;
  const identical = String(sameTerms(open, terms));
  throw fail(orderErrors.SALE_OPEN, { metadata: { identical, activityId: open.id } });
}

async function locked(uow: UnitOfWork, id: string): Promise<ActivityRow> {
  const activity = (await lockActivities(uow, [id])).get(id);
  if (activity === undefined) throw fail(orderErrors.ACTIVITY_NOT_FOUND);
  return activity;
}

async function stored(uow: UnitOfWork, id: string): Promise<ActivityRow> {
  const activity = await activityById(uow, id);
  if (activity === undefined) throw new Error(`activity ${id} is not there right after it was written`);
  return activity;
}
