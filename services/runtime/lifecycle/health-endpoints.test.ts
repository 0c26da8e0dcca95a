import { expect, test } from "vitest";
import { createMetrics } from "../telemetry/metrics.ts";
import { createHealthEndpoints } from "./health-endpoints.ts";
import { createReadiness } from "./readiness.ts";

const readiness = createReadiness();
const metrics = createMetrics({ process: false });
metrics.counter({ name: "orders_total", help: "Orders." }).inc();
const endpoints = createHealthEndpoints({ readiness, metrics });

test("/healthz answers 200 even while not ready", async () => {
  expect(await endpoints("GET", "/healthz")).toMatchObject({ status: 200, body: '{"status":"alive"}\n' });
});

test("/readyz is 503 with the reasons until ready, and again from the stop on", async () => {
  let down: string | undefined = "no answer";
  const local = createReadiness({ cacheMs: 0 });
  local.add("database", () => down);
  const ask = createHealthEndpoints({ readiness: local, metrics });
  const body = async () => JSON.parse((await ask("GET", "/readyz"))?.body ?? "");
  const status = async () => (await ask("GET", "/readyz"))?.status;

  expect(await status()).toBe(503);
  local.enter("running");
  expect(await status()).toBe(503);
  expect(await body()).toEqual({ status: "not ready", reasons: [{ name: "database", reason: "no answer" }] });
  down = undefined;
  expect(await status()).toBe(200);
  expect(await body()).toEqual({ status: "ready" });
  local.enter("stopping");
  expect(await status()).toBe(503);
});

test("/metrics is Prometheus text", async () => {
  const answer = await endpoints("GET", "/metrics");
  expect(answer?.headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(answer?.body).toContain("orders_total 1");
});

test("answers are not to be cached", async () => {
  for (const path of ["/healthz", "/readyz", "/metrics"]) {
    expect((await endpoints("GET", path))?.headers["cache-control"]).toBe("no-store");
  }
});

test("HEAD has no body, other methods are 405", async () => {
  expect(await endpoints("HEAD", "/healthz")).toMatchObject({ status: 200, body: "" });
  expect(await endpoints("POST", "/healthz")).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
});

test("other paths are somebody else's", () => {
  for (const path of ["/", "/health", "/healthz/", "/constructor", "__proto__"]) {
    expect(endpoints("GET", path)).toBeUndefined();
  }
});
