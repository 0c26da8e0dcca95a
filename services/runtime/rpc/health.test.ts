import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from "@ordermesh/proto/grpc/health/v1/health_pb";
import { EchoService } from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createReadiness, type Readiness } from "../lifecycle/readiness.ts";
import { createHealth } from "./health.ts";
import { createServer, type Server } from "./server.ts";
import { recordingLog, registryOf } from "./testing/echo.ts";

const { log } = recordingLog();
const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = ServingStatus;
let readiness: Readiness;
let server: Server;
let url: string;
let storeAnswers: boolean;

beforeEach(async () => {
  storeAnswers = true;
  readiness = createReadiness({ cacheMs: 20 });
  readiness.add("store", () => (storeAnswers ? undefined : "no answer"));
  readiness.enter("running");
  await readiness.refresh();
  const registry = await registryOf([createHealth(readiness, [EchoService])]);
  server = createServer({ registry, fallback: (_, response) => response.end(), log });
  url = (await server.listen({ host: "127.0.0.1", port: 0 })).url;
});

afterEach(async () => {
  readiness.enter("stopping");
  await server.close(0);
});

const client = () => createClient(Health, createGrpcTransport({ baseUrl: url }));

/** What Watch has sent so far. */
function watch(service: string) {
  const statuses: ServingStatus[] = [];
  const abort = new AbortController();
  const ended = (async () => {
    for await (const { status } of client().watch({ service }, { signal: abort.signal })) statuses.push(status);
  })().catch((error: unknown) => ConnectError.from(error).code);
  return { statuses, ended, stop: () => abort.abort() };
}

test("Check knows the process and its services", async () => {
  for (const service of ["", EchoService.typeName, Health.typeName]) {
    expect((await client().check({ service })).status).toBe(SERVING);
  }
});

test("Check of another service is NOT_FOUND", async () => {
  await expect(client().check({ service: "no.such.Service" })).rejects.toMatchObject({ code: Code.NotFound });
});

test("Check follows readiness", async () => {
  storeAnswers = false;
  await readiness.refresh(0);
  expect((await client().check({})).status).toBe(NOT_SERVING);
});

test("List has every service", async () => {
  const { statuses } = await client().list({});
  expect(Object.keys(statuses).sort()).toEqual(["", Health.typeName, EchoService.typeName]);
  expect(statuses[""]?.status).toBe(SERVING);
});

test("Watch sends the status at once, then each change", async () => {
  const { statuses, ended, stop } = watch("");
  await expect.poll(() => statuses).toEqual([SERVING]);
  storeAnswers = false;
  await expect.poll(() => statuses).toEqual([SERVING, NOT_SERVING]);
  storeAnswers = true;
  await expect.poll(() => statuses).toEqual([SERVING, NOT_SERVING, SERVING]);
  stop();
  expect(await ended).toBe(Code.Canceled);
});

test("Watch of an unknown service says so and stays", async () => {
  const { statuses, ended, stop } = watch("no.such.Service");
  await expect.poll(() => statuses).toEqual([SERVICE_UNKNOWN]);
  storeAnswers = false;
  await readiness.refresh(0);
  await sleep(50);
  expect(statuses).toEqual([SERVICE_UNKNOWN]);
  stop();
  await ended;
});

test("Watch shows a stop before the server closes", async () => {
  const { statuses, ended } = watch("");
  await expect.poll(() => statuses).toEqual([SERVING]);
  readiness.enter("stopping");
  await expect.poll(() => statuses).toEqual([SERVING, NOT_SERVING]);
  expect(await server.close(2_000)).toBe(true);
  expect(await ended).toBe(Code.Unavailable);
});

test("watchers that left leave nothing behind", async () => {
  let listeners = 0;
  const subscribe = readiness.subscribe.bind(readiness);
  readiness.subscribe = (listener) => {
    listeners += 1;
    const unsubscribe = subscribe(listener);
    return () => {
      listeners -= 1;
      unsubscribe();
    };
  };
  const watchers = Array.from({ length: 20 }, () => watch(""));
  await expect.poll(() => listeners).toBe(20);
  for (const { stop } of watchers) stop();
  await expect.poll(() => listeners).toBe(0);
});
