import { expect, test } from "vitest";
import { CircuitBreaker } from "./breaker.ts";

const options = { threshold: 3, openMs: 100, maximumOpenMs: 350 };

function opened(): CircuitBreaker {
  const breaker = new CircuitBreaker(options);
  for (let i = 0; i < 3; i += 1) breaker.fail(0);
  return breaker;
}

test("stays closed while failures are not in a row", () => {
  const breaker = new CircuitBreaker(options);
  for (let i = 0; i < 10; i += 1) {
    breaker.fail(0);
    breaker.fail(0);
    breaker.succeed();
  }
  expect(breaker.admit(0)).toBe(0);
});

test("opens at the threshold and says for how long", () => {
  expect(opened().admit(30)).toBe(70);
});

test("then lets one probe through", () => {
  const breaker = opened();
  expect(breaker.admit(100)).toBe(0);
  expect(breaker.admit(100)).toBeGreaterThan(0);
});

test("a probe that succeeds closes it", () => {
  const breaker = opened();
  breaker.admit(100);
  breaker.succeed();
  expect([breaker.admit(100), breaker.admit(100)]).toEqual([0, 0]);
});

test("a probe that fails opens it for twice as long, up to the maximum", () => {
  const breaker = opened();
  const openFor: number[] = [];
  for (let now = 100; openFor.length < 3; now += openFor.at(-1) ?? 0) {
    breaker.admit(now);
    breaker.fail(now);
    openFor.push(breaker.admit(now));
  }
  expect(openFor).toEqual([200, 350, 350]);
});

test("a probe that tells nothing makes room for another", () => {
  const breaker = opened();
  breaker.admit(100);
  breaker.release();
  expect(breaker.admit(100)).toBe(0);
});

test("calls that were under way when it opened do not lengthen it", () => {
  const breaker = opened();
  breaker.fail(50);
  expect(breaker.admit(100)).toBe(0);
});
