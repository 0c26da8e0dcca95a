import { setImmediate as nextTurn } from "node:timers/promises";
import { ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { fail } from "../errors/fail.ts";
import { reasonOf, retryAfterMsOf } from "../errors/inspect.ts";
import { type CoalesceOptions, coalesce, readSingly } from "./coalesce.ts";

/** Reads n as n times ten; a read waits for `release`, and `reads` has the keys of each. */
function slowReads(options: Partial<CoalesceOptions<number, number>> = {}) {
  const reads: (readonly number[])[] = [];
  const waiting: (() => void)[] = [];
  const { load } = coalesce<number, number>({
    read: async (keys) => {
      reads.push(keys);
      await new Promise<void>((resolve) => waiting.push(resolve));
      return keys.map((key) => key * 10);
    },
    ...options,
  });
  const release = async () => {
    for (const resolve of waiting.splice(0)) resolve();
    await nextTurn();
    await nextTurn();
  };
  return { load, reads, release };
}

/** Reads at once; negative keys fail their read, alone or with others. */
function picky(error: unknown) {
  const reads: (readonly number[])[] = [];
  const { load } = coalesce<number, number>({
    read: async (keys) => {
      reads.push(keys);
      if (keys.some((key) => key < 0)) throw error;
      return keys;
    },
  });
  return { load, reads };
}

async function refusal(promise: Promise<unknown>): Promise<ConnectError> {
  return await promise.then(
    () => expect.fail("it was not refused"),
    (error: unknown) => ConnectError.from(error),
  );
}

describe("reads that arrive together", () => {
  test("in one turn are one, each with its own value", async () => {
    const { load, reads, release } = slowReads();
    const values = Promise.all([load(1), load(2), load(1)]);
    await nextTurn();
    await release();
    expect(await values).toEqual([10, 20, 10]);
    expect(reads).toEqual([[1, 2, 1]]);
  });

  test("while one is under way form the next one", async () => {
    const { load, reads, release } = slowReads();
    const first = load(1);
    await nextTurn();
    const next = [load(2), load(1)];
    await nextTurn();
    expect(reads).toEqual([[1]]);
    await release();
    expect(reads).toEqual([[1], [2, 1]]);
    await release();
    expect(await Promise.all([first, ...next])).toEqual([10, 20, 10]);
  });

  test("are at most as many as a batch may have", async () => {
    const { load, reads, release } = slowReads({ maxBatch: 2 });
    const values = Promise.all([1, 2, 3, 4, 5].map((key) => load(key)));
    for (let turn = 0; turn < 3; turn++) {
      await nextTurn();
      await release();
    }
    expect(await values).toEqual([10, 20, 30, 40, 50]);
    expect(reads).toEqual([[1, 2], [3, 4], [5]]);
  });

  test("run as many at a time as allowed", async () => {
    const { load, reads, release } = slowReads({ maxBatch: 1, concurrency: 2 });
    const values = Promise.all([1, 2, 3].map((key) => load(key)));
    await nextTurn();
    expect(reads).toEqual([[1], [2]]);
    await release();
    await release();
    expect(await values).toEqual([10, 20, 30]);
  });

  test("see what was written before them: nothing is kept", async () => {
    let stored = 1;
    const { load } = coalesce<string, number>({ read: async (keys) => keys.map(() => stored) });
    expect(await load("a")).toBe(1);
    stored = 2;
    expect(await load("a")).toBe(2);
  });
});

describe("a read that fails", () => {
  test("is tried once for each key, so that only the bad one fails", async () => {
    const { load, reads } = picky(new Error("bad row"));
    const outcomes = await Promise.allSettled([load(1), load(-2), load(3)]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(reads).toEqual([[1, -2, 3], [1], [-2], [3]]);
  });

  test("of one key is not tried again", async () => {
    const { load, reads } = picky(new Error("bad row"));
    await expect(load(-1)).rejects.toThrow("bad row");
    expect(reads).toEqual([[-1]]);
  });

  test("without a database fails all at once", async () => {
    const { load, reads } = picky(fail("STORE_UNAVAILABLE"));
    const refusals = await Promise.all([refusal(load(1)), refusal(load(-2))]);
    expect(refusals.map(reasonOf)).toEqual(["STORE_UNAVAILABLE", "STORE_UNAVAILABLE"]);
    expect(reads).toHaveLength(1);
  });

  test("does not stop those that follow", async () => {
    const { load } = picky(new Error("bad row"));
    await expect(load(-1)).rejects.toThrow("bad row");
    expect(await load(1)).toBe(1);
  });

  test("by giving too few values tells nobody another's value", async () => {
    const { load } = coalesce<number, number>({ read: async (keys) => keys.slice(1) });
    const outcomes = await Promise.allSettled([load(1), load(2)]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});

describe("bounds", () => {
  test("a caller that has left before is refused, and one that leaves while it waits is not read", async () => {
    const { load, reads, release } = slowReads();
    const gone = new AbortController();
    gone.abort();
    expect(reasonOf(await refusal(load(9, { signal: gone.signal })))).toBe("CANCELLED");
    const first = load(1);
    await nextTurn();
    const leaving = new AbortController();
    const second = refusal(load(2, { signal: leaving.signal }));
    const third = load(3, { signal: new AbortController().signal });
    leaving.abort(fail("DEADLINE_EXCEEDED"));
    await release();
    await release();
    expect(await Promise.all([first, third])).toEqual([10, 30]);
    expect(reasonOf(await second)).toBe("DEADLINE_EXCEEDED");
    expect(reads).toEqual([[1], [3]]);
  });

  test("a full queue refuses and says when to come back", async () => {
    const { load, release } = slowReads({ maxQueue: 2 });
    const waiting = [load(1), load(2)];
    const error = await refusal(load(3));
    expect(reasonOf(error)).toBe("QUEUE_FULL");
    expect(retryAfterMsOf(error)).toBeGreaterThan(0);
    await nextTurn();
    await release();
    expect(await Promise.all(waiting)).toEqual([10, 20]);
  });
});

describe("readSingly", () => {
  test("reads each key at once and for itself", async () => {
    const reads: (readonly number[])[] = [];
    const { load } = readSingly<number, number>({
      read: async (keys) => {
        reads.push(keys);
        return keys.map((key) => key * 10);
      },
    });
    expect(await Promise.all([load(1), load(2)])).toEqual([10, 20]);
    expect(reads).toEqual([[1], [2]]);
  });

  test("refuses a caller that has left", async () => {
    const { load } = readSingly<number, number>({ read: async (keys) => keys });
    expect(reasonOf(await refusal(load(1, { signal: AbortSignal.abort() })))).toBe("CANCELLED");
  });
});
