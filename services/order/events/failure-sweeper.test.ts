import { ConnectError } from "@connectrpc/connect";
import { FailureService, FailureStatus } from "@ordermesh/proto/ordermesh/order/v1/failure_pb";
import { reasonOf } from "@ordermesh/runtime/errors/inspect.ts";
import { type CallOptions, createClient } from "@ordermesh/runtime/rpc/caller.ts";
import { localCaller } from "@ordermesh/runtime/rpc/local-caller.ts";
import { registryOf } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { integer } from "@ordermesh/runtime/store/column.ts";
import type { Database } from "@ordermesh/runtime/store/database.ts";
import { describe, expect, onTestFinished, test } from "vitest";
import { type DatabaseKind, databaseKinds } from "../../../test/support/databases.ts";
import { openForTest, openOn, quietLog } from "../../../test/support/open-database.ts";
import { failureService } from "../rpc/failure-service.ts";
import { operator } from "../rpc/testing/order-task-client.ts";
import { claimDue, settleFailure } from "../store/failure-lease.ts";
import { failureByNumber, listAttempts, type NewFailure, recordFailure } from "../store/failure-store.ts";
import { orderMigrations } from "../store/migrations/index.ts";
import { nextPageToken } from "../store/page-token.ts";
import { startFailureSweeper } from "./failure-sweeper.ts";

const never = 3_600_000;

function message(orderId: string, buyerId = 7): Uint8Array {
  const order = { message_type: "seckill_order", order_id: orderId, product_id: 5, user_id: buyerId, quantity: 1 };
  return Buffer.from(JSON.stringify({ ...order, price: 12.5 }));
}

function failureOf(orderId: string, more: Partial<NewFailure> = {}): NewFailure {
  return {
    messageKey: orderId,
    externalOrderId: orderId,
    buyerId: "7",
    productId: "5",
    failureType: "TRANSIENT",
    data: message(orderId),
    headers: {},
    storedAt: Date.now(),
    error: "first error",
    retryable: true,
    ...more,
  };
}

async function count(database: Database, from: string): Promise<number> {
  const [row] = await database.read.all(`select count(*) as n from ${from}`);
  return integer(row?.n);
}

async function finalEvents(database: Database): Promise<number> {
  return await count(database, `${database.tables.outbox} where subject = 'ordermesh.order.failure.final.v1'`);
}

async function makeDue(database: Database): Promise<void> {
  const { now, addMs } = database.dialect;
  await database.read.run(`update failures set next_retry_at = ${addMs(now, "-1000")} where status = 1`);
}

async function age(database: Database): Promise<void> {
  const { now, addMs } = database.dialect;
  await database.read.run(`update failures set created_at = ${addMs(now, String(-25 * 3_600_000))}`);
}

async function setUp(kind: DatabaseKind) {
  const { database, fresh } = await openForTest(kind, orderMigrations);
  const other = await openOn(fresh);
  onTestFinished(() => other.close());
  const sweeperOn = (on: Database) => {
    const sweeper = startFailureSweeper({ database: on, log: quietLog, everyMs: never, random: () => 0 });
    onTestFinished(() => sweeper.stop());
    return sweeper;
  };
  const caller = localCaller(await registryOf([failureService({ database, log: quietLog })]));
  const client = createClient(FailureService, {
    unary: (method, request, options?: CallOptions) =>
      caller.unary(method, request, { principal: operator, ...options }),
  });
  const record = (failure: NewFailure, on = database) =>
    on.transact((uow) => recordFailure(uow, failure, database.tables.sequences));
  return { database, other, sweeper: sweeperOn(database), sweeperOn, client, record };
}

async function refusal(promise: Promise<unknown>): Promise<string | undefined> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof ConnectError ? reasonOf(error) : undefined;
}

describe.each(databaseKinds)("minishop 4 failures on %s", (kind) => {
  test("minishop 4: a message recorded from two processes at once is one row that keeps its first error", async () => {
    const { database, other, record } = await setUp(kind);
    await record(failureOf("SK1"));
    const again = failureOf("SK1", { error: "later error" });
    const fresh = failureOf("SK2");
    await Promise.all(
      [again, again, fresh, fresh].map((failure, turn) => record(failure, turn % 2 ? other : database)),
    );
    expect(await count(database, "failures")).toBe(2);
    const row = await failureByNumber(database.read, 1);
    expect(row).toMatchObject({
      originalError: "first error",
      lastError: "later error",
      status: FailureStatus.PENDING,
    });
  });

  test("minishop 4: a permanent cause is FAILED at once, with one event", async () => {
    const { database, record } = await setUp(kind);
    const failure = failureOf("SK1", { failureType: "VALIDATION", retryable: false });
    await record(failure);
    await record(failure);
    expect(await failureByNumber(database.read, 1)).toMatchObject({ status: FailureStatus.FAILED, nextRetryAt: null });
    expect(await finalEvents(database)).toBe(1);
  });

  test("minishop 4: two sweepers at once make each order once", async () => {
    const { database, other, sweeper, sweeperOn, record } = await setUp(kind);
    for (let buyer = 1; buyer <= 30; buyer++) {
      await record(failureOf(`SK${buyer}`, { data: message(`SK${buyer}`, buyer) }));
    }
    await makeDue(database);
    const attempts = await Promise.all([sweeper.run(), sweeperOn(other).run()]);
    expect(attempts[0] + attempts[1]).toBe(30);
    expect(await count(database, "orders")).toBe(30);
    expect(await count(database, `failures where status = ${FailureStatus.SUCCESS}`)).toBe(30);
    expect(await count(database, "failure_attempts")).toBe(30);
  });

  test("minishop 4: a row that a crash left in processing returns after its lease, and its attempt counts", async () => {
    const { database, sweeper, record } = await setUp(kind);
    await record(failureOf("SK1"));
    await makeDue(database);
    await claimDue(database, { actor: "crashed", leaseMs: 60_000, limit: 10 });
    expect(await sweeper.run()).toBe(0);
    const { now, addMs } = database.dialect;
    await database.read.run(`update failures set lease_until = ${addMs(now, "-1")}`);
    expect(await sweeper.run()).toBe(1);
    expect(await failureByNumber(database.read, 1)).toMatchObject({ status: FailureStatus.SUCCESS, retryCount: 2 });
    expect(await listAttempts(database.read, 1)).toMatchObject([
      { actor: "crashed", succeeded: false },
      { manual: false, succeeded: true },
    ]);
  });

  test("minishop 4: attempts that never end make the row FAILED, with one event", async () => {
    const { database, sweeper, record } = await setUp(kind);
    await record(failureOf("SK1"));
    await makeDue(database);
    await database.read.run("update failures set retry_count = max_retries");
    await sweeper.run();
    await sweeper.run();
    expect(await failureByNumber(database.read, 1)).toMatchObject({ status: FailureStatus.FAILED });
    expect(await count(database, "orders")).toBe(0);
    expect(await finalEvents(database)).toBe(1);
  });

  test("minishop 4: a retry that can never succeed ends as FAILED and keeps the first error", async () => {
    const { database, sweeper, record } = await setUp(kind);
    await record(failureOf("SK1"));
    await record(failureOf("SK2"));
    await makeDue(database);
    await sweeper.run();
    const second = await failureByNumber(database.read, 2);
    expect(second).toMatchObject({ status: FailureStatus.FAILED, originalError: "first error", retryCount: 1 });
    expect(second?.lastError).toBe("the buyer has another order in this sale");
    expect(await finalEvents(database)).toBe(1);
  });

  test("minishop 4: a passing error waits up to 2 and 4 s, and the third attempt ends the row", async () => {
    const { database, record } = await setUp(kind);
    await record(failureOf("SK1"));
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 3; attempt++) {
      await makeDue(database);
      const [claim] = await claimDue(database, { actor: "test", leaseMs: 60_000, limit: 1 });
      if (claim === undefined) throw new Error("nothing was due");
      const failure = { error: `error ${attempt}`, retryable: true };
      await database.transact((uow) => settleFailure(uow, claim, failure, () => 0.999));
      // The lease is gone with the outcome: settling again has no effect.
      await database.transact((uow) => settleFailure(uow, claim, failure, () => 0.999));
      const row = await failureByNumber(database.read, 1);
      if (row !== undefined && row.nextRetryAt !== null) waits.push(row.nextRetryAt - row.updatedAt);
    }
    expect(waits).toEqual([1998, 3996]);
    expect(await failureByNumber(database.read, 1)).toMatchObject({
      status: FailureStatus.FAILED,
      retryCount: 3,
      originalError: "first error",
      lastError: "error 3",
    });
    expect(await finalEvents(database)).toBe(1);
  });

  test("minishop 4: a message whose order stands already ends as SUCCESS", async () => {
    const { database, sweeper, client, record } = await setUp(kind);
    await record(failureOf("SK1"));
    await record(failureOf("SK1", { messageKey: "the same order in other bytes" }));
    await makeDue(database);
    await sweeper.run();
    expect(await count(database, "orders")).toBe(1);
    expect((await client.getFailure({ number: 2n })).failure?.status).toBe(FailureStatus.SUCCESS);
  });

  test("minishop 4: rows older than a day expire without an attempt", async () => {
    const { database, sweeper, record } = await setUp(kind);
    await record(failureOf("SK1"));
    await age(database);
    expect(await sweeper.run()).toBe(0);
    expect(await failureByNumber(database.read, 1)).toMatchObject({ status: FailureStatus.EXPIRED });
  });

  test("minishop 4: an expired row can be made by hand, once, and the same key gives the same answer", async () => {
    const { database, sweeper, client, record } = await setUp(kind);
    await record(failureOf("SK1"));
    await age(database);
    await sweeper.run();
    const options = { header: new Headers({ "idempotency-key": "one" }) };
    const first = await client.retryFailure({ number: 1n }, options);
    expect(first.failure).toMatchObject({ status: FailureStatus.SUCCESS, retryCount: 1 });
    expect(await client.retryFailure({ number: 1n }, options)).toEqual(first);
    expect(await refusal(client.retryFailure({ number: 1n }))).toBe("FAILURE_RESOLVED");
    expect(await count(database, "orders")).toBe(1);
    const { attempts } = await client.listFailureAttempts({ number: 1n });
    expect(attempts).toMatchObject([{ attempt: 1, manual: true, actor: "op", succeeded: true }]);
  });

  test("minishop 4: a retry by hand is refused while an attempt holds the lease", async () => {
    const { database, client, record } = await setUp(kind);
    await record(failureOf("SK1"));
    await makeDue(database);
    await claimDue(database, { actor: "another", leaseMs: 60_000, limit: 10 });
    expect(await refusal(client.retryFailure({ number: 1n }))).toBe("FAILURE_IN_PROGRESS");
  });

  test("minishop 9.11: a retry by hand that fails updates the one row and records the attempt", async () => {
    const { database, client, record } = await setUp(kind);
    const data = Buffer.from("{");
    await record(failureOf("SK1", { data, failureType: "VALIDATION", retryable: false }));
    expect(await refusal(client.retryFailure({ number: 1n }))).toBe("FAILURE_RETRY_FAILED");
    const { failures, totalSize } = await client.listFailures({ includeTotal: true });
    expect(totalSize).toBe(1n);
    expect(failures).toMatchObject([{ status: FailureStatus.FAILED, retryCount: 1, originalError: "first error" }]);
    expect(await finalEvents(database)).toBe(1);
  });

  test("minishop 4: a failed purchase gives stock and slot back once", async () => {
    const { database, record } = await setUp(kind);
    const { now } = database.dialect;
    await database.read.run(
      `insert into activities (id, product_id, product_name, currency, price_minor, total, free, reserved, sold,
         per_user_limit, state, label, created_at, updated_at)
       values ('a', '5', 'P', 'CNY', 100, 10, 9, 1, 0, 1, 2, '', ${now}, ${now})`,
    );
    await database.read.run(
      `insert into reservations (id, activity_id, product_id, buyer_id, quantity, unit_price, currency, state, live,
         order_id, order_number, line_number, external_order_id, trace_id, created_at, expires_at)
       values ('r', 'a', '5', '7', 1, '1', 'CNY', 1, 1, 'o', 1, 1, 'SK1', '', ${now}, ${now})`,
    );
    const failure = failureOf("SK1", { retryable: false, reservationId: "r" });
    await record(failureOf("SK2", { retryable: false, reservationId: "r" }));
    expect(await count(database, "reservations where live = 1")).toBe(1);
    await record(failure);
    await record(failure);
    const [row] = await database.read.all("select free, reserved from activities");
    expect([integer(row?.free), integer(row?.reserved)]).toEqual([10, 0]);
    expect(await count(database, "reservations where live is null")).toBe(1);
  });

  test("minishop 4: failures are listed newest first, by page, by token and by status", async () => {
    const { client, record } = await setUp(kind);
    for (const id of ["SK1", "SK2", "SK3"]) await record(failureOf(id));
    await record(failureOf("SK4", { retryable: false }));
    const first = await client.listFailures({ status: FailureStatus.PENDING, pageSize: 2 });
    expect(first.failures.map(({ number }) => number)).toEqual([3n, 2n]);
    const { nextPageToken: pageToken } = first;
    const second = await client.listFailures({ status: FailureStatus.PENDING, pageSize: 2, pageToken });
    expect(second.failures.map(({ number }) => number)).toEqual([1n]);
    expect(second.nextPageToken).toBe("");
    const forged = nextPageToken({ createdAt: 0, id: "x" }, [undefined]);
    expect(await refusal(client.listFailures({ pageToken: forged }))).toBe("VALIDATION");
    const skipped = await client.listFailures({ skip: 3n });
    expect(skipped.failures.map(({ number }) => number)).toEqual([1n]);
    expect((await client.listFailures({ skip: 2n ** 63n - 1n })).failures).toEqual([]);
    expect(await refusal(client.getFailure({ number: 9n }))).toBe("FAILURE_NOT_FOUND");
  });
});
