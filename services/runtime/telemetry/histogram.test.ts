import fc from "fast-check";
import { Histogram as PromHistogram, Registry } from "prom-client";
import { expect, test } from "vitest";
import { Histogram } from "./histogram.ts";

const settings = { name: "call_seconds", help: "Calls.", buckets: [0.5, 1, 2.5] };

test("is scraped as prom-client's own", async () => {
  const label = fc.constantFrom("a", 'quo"te\\\n', "");
  const observation = fc.record({ method: label, code: label, value: fc.double({ min: -1, max: 4, noNaN: true }) });
  await fc.assert(
    fc.asyncProperty(fc.array(observation), async (observations) => {
      const [one, other] = [new Registry(), new Registry()];
      const ours = new Histogram(settings, one);
      const theirs = new PromHistogram({ ...settings, labelNames: ["method", "code"], registers: [other] });
      for (const { value, ...labels } of observations) {
        ours.series(labels).observe(value);
        theirs.observe(labels, value);
      }
      expect(await one.metrics()).toBe(await other.metrics());
    }),
  );
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])("%s cannot be observed", (value) => {
  const series = new Histogram(settings, new Registry()).series({});
  expect(() => series.observe(value)).toThrow(TypeError);
  expect(series.count).toBe(0);
});
