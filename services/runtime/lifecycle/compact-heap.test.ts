import { expect, test } from "vitest";
import { compactHeap } from "./compact-heap.ts";

test("leaves a smaller heap, and no collector for others to call", () => {
  const garbage = Array.from({ length: 200_000 }, (_, index) => ({ index }));
  const before = process.memoryUsage().heapTotal;
  garbage.length = 0;
  compactHeap();
  expect(process.memoryUsage().heapTotal).toBeLessThan(before);
  expect(globalThis).not.toHaveProperty("gc");
});
