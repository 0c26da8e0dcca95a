import { setTimeout as sleep } from "node:timers/promises";
import { create, createFileRegistry, type DescService } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { Health } from "@ordermesh/proto/grpc/health/v1/health_pb";
import { EchoService } from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import { beforeEach, describe, expect, test } from "vitest";
import { localAdministrator } from "../auth/principal.ts";
import { metadataOf, reasonOf, violationsOf } from "../errors/inspect.ts";
import { statusJson } from "../errors/status-json.ts";
import { newTrace } from "../telemetry/trace-context.ts";
import { type Client, createClient } from "./caller.ts";
import { localCaller } from "./local-caller.ts";
import { bindService } from "./service.ts";
import { bearer, createEcho, type Echo, recordingLog, registryOf, secret } from "./testing/echo.ts";

const { log, lines } = recordingLog();
let echo: Echo;
let client: Client<typeof EchoService>;

beforeEach(async () => {
  lines.length = 0;
  echo = createEcho();
  client = createClient(EchoService, localCaller(await registryOf([echo.binding], { log })));
});

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  const error = await promise.then(
    () => expect.unreachable("it should have failed"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConnectError);
  return error as ConnectError;
}

/** A service without options, as somebody writes it who forgot them. */
function bareService(clientStreaming = false): DescService {
  const file = create(FileDescriptorProtoSchema, {
    name: "bare.proto",
    package: "bare.v1",
    syntax: "proto3",
    messageType: [{ name: "Empty" }],
    service: [
      {
        name: "BareService",
        method: [{ name: "Do", inputType: ".bare.v1.Empty", outputType: ".bare.v1.Empty", clientStreaming }],
      },
    ],
  });
  const service = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] })).getService(
    "bare.v1.BareService",
  );
  if (service === undefined) throw new Error("no service");
  return service;
}

describe("createRegistry refuses", () => {
  test("a method without access policy", async () => {
    const binding = { service: bareService(), handlers: { do: async () => ({}) } };
    await expect(registryOf([binding])).rejects.toThrow("bare.v1.BareService/Do has no access policy");
  });

  test("a method without handler", async () => {
    const binding = { service: EchoService, handlers: {} };
    await expect(registryOf([binding])).rejects.toThrow("/ordermesh.testing.v1.EchoService/Read has no handler");
  });

  test("client streaming", async () => {
    const binding = { service: bareService(true), handlers: { do: async () => ({}) } };
    await expect(registryOf([binding])).rejects.toThrow("/bare.v1.BareService/Do is client streaming");
  });

  test("a service bound twice", async () => {
    await expect(registryOf([echo.binding, createEcho().binding])).rejects.toThrow("EchoService is bound twice");
  });
});

test("health needs no policy: anybody may ask", async () => {
  const health = bindService(Health, {
    check: async () => ({}),
    list: async () => ({}),
    async *watch() {},
  });
  await expect(createClient(Health, localCaller(await registryOf([health]))).check({})).resolves.toMatchObject({});
});

describe("access", () => {
  const calls = ["read", "write", "operate", "administer"] as const;
  test.each([
    ["nobody", undefined, { read: true, write: false, operate: false, administer: false }],
    ["user", "user", { read: true, write: true, operate: false, administer: false }],
    ["operator", "operator", { read: true, write: true, operate: true, administer: false }],
    ["admin", "admin", { read: true, write: true, operate: true, administer: true }],
    ["service", "service", { read: true, write: true, operate: true, administer: false }],
  ])("%s", async (_name, role, expected) => {
    const header = role === undefined ? new Headers() : bearer(role);
    const allowed = await Promise.all(
      calls.map((call) =>
        client[call]({}, { header }).then(
          () => true,
          (error: ConnectError) => error.code === Code.DeadlineExceeded,
        ),
      ),
    );
    expect(Object.fromEntries(calls.map((call, i) => [call, allowed[i]]))).toEqual(expected);
  });

  test("without credentials it is UNAUTHENTICATED, without the role PERMISSION_DENIED", async () => {
    expect((await failure(client.write({}))).code).toBe(Code.Unauthenticated);
    expect((await failure(client.administer({}, { header: bearer("user") }))).code).toBe(Code.PermissionDenied);
  });

  test("bad credentials are refused with their reason", async () => {
    expect(reasonOf(await failure(client.write({}, { header: bearer("expired") })))).toBe("TOKEN_EXPIRED");
  });

  test("a public method answers a caller with bad credentials as anybody", async () => {
    await client.read({ text: "hi" }, { header: bearer("expired") });
    expect(echo.seen[0]?.principal.kind).toBe("anonymous");
  });

  test("a principal that came with an in-process call is not established again", async () => {
    await client.administer({}, { principal: localAdministrator, header: bearer("expired") });
    expect(echo.seen[0]?.principal).toBe(localAdministrator);
  });

  test("a refused call does not reach its handler", async () => {
    await failure(client.write({}));
    expect(echo.seen).toEqual([]);
  });
});

describe("errors", () => {
  test.each(["crash", "crash wrapped"])("%s: nothing internal leaves", async (text) => {
    const error = await failure(client.read({ text }));
    expect(error.code).toBe(Code.Internal);
    expect(JSON.stringify(statusJson(error))).not.toContain("hunter2");
    const { errorId } = metadataOf(error);
    expect(lines).toContainEqual(
      expect.objectContaining({ errorId, err: expect.objectContaining({ message: expect.stringContaining(secret) }) }),
    );
  });

  test("the log line of a failure has the call's name and trace", async () => {
    const trace = newTrace();
    await failure(client.read({ text: "crash" }, { trace }));
    expect(lines.find((line) => line.level === "error")).toMatchObject({
      rpc: "ordermesh.testing.v1.EchoService/Read",
      traceId: trace.traceId,
    });
  });
});

describe("deadline", () => {
  test("a handler that never answers is given up", async () => {
    const startedAt = performance.now();
    const error = await failure(client.read({ text: "hang" }, { deadline: Date.now() + 50 }));
    expect(reasonOf(error)).toBe("DEADLINE_EXCEEDED");
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test("a handler that gives up by its signal is no internal error", async () => {
    const error = await failure(client.read({ text: "crash aborted" }, { deadline: Date.now() + 50 }));
    expect(reasonOf(error)).toBe("DEADLINE_EXCEEDED");
    expect(lines.filter((line) => line.level === "error")).toEqual([]);
  });

  test("one that has passed keeps the handler from starting", async () => {
    expect(reasonOf(await failure(client.read({}, { deadline: Date.now() - 1 })))).toBe("DEADLINE_EXCEEDED");
    expect(echo.seen).toEqual([]);
  });

  test("the method's own default counts where the caller has none", async () => {
    expect(reasonOf(await failure(client.operate({}, { header: bearer("operator") })))).toBe("DEADLINE_EXCEEDED");
  });

  test("the server's default and maximum bound every call", async () => {
    const registry = await registryOf([echo.binding], { defaultTimeoutMs: 1_000, maximumTimeoutMs: 5_000 });
    const bounded = createClient(EchoService, localCaller(registry));
    await bounded.read({});
    await bounded.read({}, { deadline: Date.now() + 3_600_000 });
    const left = echo.seen.map((context) => (context.deadline ?? 0) - Date.now());
    expect(left[0]).toBeGreaterThan(900);
    expect(left[0]).toBeLessThanOrEqual(1_000);
    expect(left[1]).toBeGreaterThan(4_900);
    expect(left[1]).toBeLessThanOrEqual(5_000);
  });

  test("the handler's signal says why it is aborted", async () => {
    await failure(client.read({ text: "crash aborted" }, { deadline: Date.now() + 50 }));
    expect(reasonOf(echo.seen[0]?.signal.reason)).toBe("DEADLINE_EXCEEDED");
  });
});

describe("cancellation", () => {
  test("ends the call with CANCELLED and aborts the handler", async () => {
    const abort = new AbortController();
    const call = failure(client.read({ text: "hang" }, { signal: abort.signal }));
    await sleep(10);
    abort.abort();
    expect(reasonOf(await call)).toBe("CANCELLED");
    expect(echo.seen[0]?.signal.aborted).toBe(true);
  });

  test("before the call keeps the handler from starting", async () => {
    expect(reasonOf(await failure(client.read({}, { signal: AbortSignal.abort() })))).toBe("CANCELLED");
    expect(echo.seen).toEqual([]);
  });
});

describe("validation", () => {
  const header = bearer("user");

  test("names every field at fault", async () => {
    const error = await failure(client.write({ text: "UPPER", quantity: -1, parts: [{ name: "a" }, {}] }, { header }));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(reasonOf(error)).toBe("VALIDATION");
    expect(violationsOf(error).map((violation) => violation.field)).toEqual(["text", "quantity", "parts[1].name"]);
    expect(error.rawMessage).toMatch(/^text: .*\(and 2 more\)$/);
  });

  test("comes after authentication: strangers learn nothing", async () => {
    expect((await failure(client.write({ quantity: -1 }))).code).toBe(Code.Unauthenticated);
  });

  test("a pattern with nested quantifiers takes no exponential time", async () => {
    const startedAt = performance.now();
    await failure(client.write({ text: `${"a".repeat(99)}!` }, { header }));
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});

describe("idempotency key", () => {
  const withKey = (key: string) => ({ header: bearer("user", { "idempotency-key": key }) });

  test("becomes a claim of caller, method, key and request", async () => {
    await client.write({ text: "a", labels: { x: "1", y: "2" } }, withKey("k1"));
    expect(echo.seen[0]?.idempotency).toEqual({
      scope: "the-user ordermesh.testing.v1.EchoService/Write",
      key: "k1",
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test("without it there is no claim", async () => {
    await client.write({}, { header: bearer("user") });
    expect(echo.seen[0]?.idempotency).toBeUndefined();
  });

  test("a method without side effects needs none", async () => {
    await client.read({}, withKey("k1"));
    expect(echo.seen[0]?.idempotency).toBeUndefined();
  });

  test.each([
    ["empty", ""],
    ["too long", "k".repeat(256)],
    ["with a space", "a b"],
    ["not ASCII", "schlüssel"],
    ["given twice", "a, b"],
  ])("%s is INVALID_ARGUMENT", async (_name, key) => {
    const error = await failure(client.write({}, withKey(key)));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(reasonOf(error)).toBe("IDEMPOTENCY_KEY_INVALID");
    expect(echo.seen).toEqual([]);
  });

  test("255 characters are enough", async () => {
    await client.write({}, withKey("k".repeat(255)));
    expect(echo.seen[0]?.idempotency?.key).toHaveLength(255);
  });
});

describe("an in-process call", () => {
  test("continues its caller's trace", async () => {
    const trace = newTrace(true);
    await client.read({}, { trace });
    expect(echo.seen[0]?.trace).toMatchObject({ traceId: trace.traceId, parentSpanId: trace.spanId, sampled: true });
  });

  test("gives the reply's headers", async () => {
    const caller = localCaller(await registryOf([echo.binding]));
    const { header, message } = await caller.unary(EchoService.method.read, { text: "header" });
    expect(message.text).toBe("header");
    expect(header?.get("x-echo")).toBe("heard");
  });

  test("shows the transport its caller names", async () => {
    const rest = createClient(EchoService, localCaller(await registryOf([echo.binding]), "rest"));
    await rest.read({});
    expect(echo.seen[0]?.transport).toBe("rest");
  });

  test("of a service that is not here is UNIMPLEMENTED", async () => {
    const nowhere = createClient(EchoService, localCaller(await registryOf([])));
    expect((await failure(nowhere.read({}))).code).toBe(Code.Unimplemented);
  });
});
