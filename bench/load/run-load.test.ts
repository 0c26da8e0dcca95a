import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";
import { certificateFiles, ensureCertificates } from "../../tools/mesh/certificates/store.ts";
import { type ServerChild, startServerChild } from "../machine/server-child.ts";
import type { LoadPlan } from "./plan.ts";
import { runLoad } from "./run-load.ts";

let server: ServerChild;

beforeAll(async () => {
  server = await startServerChild({ name: "hello", program: import.meta.resolve("../testing/hello-server.ts") });
  return () => server.stop();
});

function load(request: Record<string, unknown>, plan: Partial<LoadPlan>) {
  return runLoad({
    url: server.url,
    connections: 4,
    durationMs: 5_000,
    source: { module: import.meta.resolve("./fixed-requests.ts"), options: { method: "GET", path: "/", ...request } },
    ...plan,
  });
}

describe("a closed loop", () => {
  test("ends after its time", async () => {
    const result = await load({}, { durationMs: 200 });
    expect(result.seconds).toBeGreaterThan(0.18);
    expect(result.seconds).toBeLessThan(0.4);
    expect(result.latency.total).toBe(result.operations);
  });

  test("ends after its requests, and sees every answer", async () => {
    const request = { method: "POST", path: "/echo", body: "marker", contains: "marker" };
    expect(await load(request, { maximumRequests: 57 })).toMatchObject({ operations: 57, statuses: { 200: 57 } });
  });

  test("has one request a connection on its way", async () => {
    const result = await load({ path: "/?delayMs=20" }, { durationMs: 300 });
    expect(result.operations).toBeLessThanOrEqual((4 * 320) / 20);
    expect(result.latency.percentile(0)).toBeGreaterThan(19_000);
  });

  test("sends the bytes of a base64 body", async () => {
    const request = { method: "POST", path: "/echo", base64: btoa("bytes"), contains: "bytes" };
    expect(await load(request, { maximumRequests: 5 })).toMatchObject({ operations: 5 });
  });

  test("reads chunked answers", async () => {
    expect(await load({ path: "/chunked", contains: "hello" }, { maximumRequests: 5 })).toMatchObject({
      operations: 5,
    });
  });
});

describe("an open loop", () => {
  test("keeps its rate", async () => {
    const result = await load({}, { rate: 500, durationMs: 400 });
    expect(result.operations).toBe(200);
  });

  test("counts latency from when a request was to be sent", async () => {
    // 4 connections at 50 ms are 80 a second: of 200 a second, the last of 0.5 s waits about 0.75 s.
    const result = await load({ path: "/?delayMs=50" }, { rate: 200, durationMs: 500 });
    expect(result.operations).toBe(100);
    expect(result.latency.max).toBeGreaterThan(600_000);
  });
});

describe("over TLS", () => {
  let secure: ServerChild;
  let caFile = "";

  beforeAll(async () => {
    const directory = temporaryDirectory();
    await ensureCertificates(directory);
    const { cert, key, ca } = certificateFiles(directory, "edge");
    caFile = ca;
    const program = import.meta.resolve("../testing/hello-server.ts");
    secure = await startServerChild({ name: "hello", program, args: [cert, key] });
    return () => secure.stop();
  });

  test("it works as without", async () => {
    const plan = { url: secure.url, caFile, maximumRequests: 20 };
    expect(await load({ contains: "hello" }, plan)).toMatchObject({ operations: 20, statuses: { 200: 20 } });
  });

  test("it fails where nobody it trusts signed the certificate", async () => {
    await expect(load({}, { url: secure.url, maximumRequests: 1 })).rejects.toThrow(/certificate/);
  });
});

describe("a run fails", () => {
  test("on a status that was not allowed", async () => {
    await expect(load({ path: "/refuse" }, { maximumRequests: 3 })).rejects.toThrow(
      "3 of 3 answers were wrong, the first: GET /refuse: 503 busy",
    );
  });

  test("but not on one that was", async () => {
    const result = await load({ path: "/refuse", statuses: [503] }, { maximumRequests: 3 });
    expect(result.statuses).toEqual({ 503: 3 });
  });

  test("on an answer without what it must contain", async () => {
    await expect(load({ contains: "goodbye" }, { maximumRequests: 1 })).rejects.toThrow("200 hello");
  });

  test("when nobody listens", async () => {
    await expect(load({}, { url: "http://127.0.0.1:1" })).rejects.toThrow("ECONNREFUSED");
  });

  test("when the server goes", async () => {
    const other = await startServerChild({ name: "hello", program: import.meta.resolve("../testing/hello-server.ts") });
    onTestFinished(() => other.stop());
    setTimeout(() => process.kill(other.pid, "SIGKILL"), 400);
    await expect(load({ path: "/?delayMs=5" }, { url: other.url })).rejects.toThrow(/closed a connection|ECONNRESET/);
  });
});
