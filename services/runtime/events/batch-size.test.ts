import { expect, test } from "vitest";
import { BatchSize } from "./batch-size.ts";

test("without a target a batch is as large as it may be", () => {
  const size = new BatchSize({ batchSize: 500 });
  size.handled(500, 60_000);
  expect(size.current).toBe(500);
});

test("full batches that are handled fast let it grow up to the limit", () => {
  const size = new BatchSize({ batchSize: 2000, batchTargetMs: 100 });
  const sizes = Array.from({ length: 4 }, () => {
    size.handled(size.current, 20);
    return size.current;
  });
  expect(sizes).toEqual([512, 1024, 2000, 2000]);
});

test("it stays where a batch takes between half of the target and the target", () => {
  const size = new BatchSize({ batchSize: 500, batchTargetMs: 100 });
  size.handled(256, 70);
  expect(size.current).toBe(256);
});

test("a batch that was not full says nothing about a larger one", () => {
  const size = new BatchSize({ batchSize: 500, batchTargetMs: 100 });
  size.handled(10, 1);
  expect(size.current).toBe(256);
});

test("a batch that takes too long halves it, down to 256", () => {
  const size = new BatchSize({ batchSize: 1000, batchTargetMs: 100 });
  for (let n = 0; n < 3; n++) size.handled(size.current, 20);
  const sizes = Array.from({ length: 4 }, () => {
    size.handled(size.current, 200);
    return size.current;
  });
  expect(sizes).toEqual([500, 256, 256, 256]);
});

test("the size never exceeds what the consumer asks for", () => {
  const size = new BatchSize({ batchSize: 8, batchTargetMs: 100 });
  size.handled(1, 200);
  expect(size.current).toBe(8);
});
