import { create, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { EventAdminService } from "@ordermesh/proto/ordermesh/events/v1/admin_pb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import { localAdministrator } from "../auth/principal.ts";
import { reasonOf, violationsOf } from "../errors/inspect.ts";
import type { CallContext } from "../rpc/call-context.ts";
import { newTrace } from "../telemetry/trace-context.ts";
import type { EventBus } from "./bus.ts";
import { consumerOf, recorder, silent, textOf, until } from "./contract/harness.ts";
import { openEmbeddedBus } from "./embedded-bus.ts";
import { eventAdmin } from "./event-admin.ts";

const methods = EventAdminService.method;
type Methods = typeof methods;

describe("EventAdminService", () => {
  const stream = { name: "SECKILL", subjects: ["seckill.>"], maxAgeMs: 3_600_000, dedupeWindowMs: 60_000 };
  let bus: EventBus;

  beforeEach(async () => {
    bus = await openEmbeddedBus({ dataDir: temporaryDirectory("bus"), log: silent });
    await bus.ensureStream(stream);
    await bus.ensureStream({ ...stream, name: "EVENTS", subjects: ["ordermesh.>"] });
  });

  afterEach(() => bus.close());

  function call<K extends keyof Methods>(
    name: K,
    request: MessageInitShape<Methods[K]["input"]>,
  ): Promise<MessageInitShape<Methods[K]["output"]>> {
    const method = methods[name];
    const context: CallContext = {
      method,
      transport: "local",
      principal: localAdministrator,
      signal: new AbortController().signal,
      deadline: undefined,
      requestHeader: new Headers(),
      responseHeader: new Headers(),
      trace: newTrace(),
      log: silent,
      idempotency: undefined,
    };
    const handlers = eventAdmin(bus, { publishable: ["seckill.>"] }).handlers as unknown as Record<
      K,
      (
        request: MessageShape<Methods[K]["input"]>,
        context: CallContext,
      ) => Promise<MessageInitShape<Methods[K]["output"]>>
    >;
    return handlers[name](create(method.input, request as never) as MessageShape<Methods[K]["input"]>, context);
  }

  async function refusalOf(answer: Promise<unknown>): Promise<ConnectError> {
    const error = await answer.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error instanceof ConnectError) return error;
    throw new Error(`not refused: ${String(error)}`);
  }

  /** Publishes texts whose consumer rejects them all. */
  async function makeDeadLetters(...texts: string[]): Promise<void> {
    const rejecting = await bus.subscribe(consumerOf(stream, { durable: "order" }), async (batch) =>
      batch.map(() => ({ kind: "reject", reason: "poison" })),
    );
    await call("publishMessages", {
      messages: texts.map((text) => ({ subject: "seckill.order.create", data: Buffer.from(text) })),
    });
    await until(async () => (await bus.deadLetters.list({ limit: 500 })).length === texts.length);
    await rejecting.stop();
  }

  test("publishes bytes as they are, with content type and trace", async () => {
    const { seen, handler } = recorder();
    await bus.subscribe(consumerOf(stream), handler);
    const data = Uint8Array.from([0, 255, 10]);
    const message = { subject: "seckill.order.create", data, contentType: "application/json" };
    const { messageIds } = await call("publishMessages", { messages: [message] });
    await until(() => seen.length === 1);
    expect(seen[0]).toMatchObject({ id: messageIds?.[0], headers: { "content-type": "application/json" } });
    expect(seen[0]?.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-/);
    expect([...(seen[0]?.data ?? [])]).toEqual([0, 255, 10]);
  });

  test("stores the same bytes once, and again as another occurrence", async () => {
    const { seen, handler } = recorder();
    await bus.subscribe(consumerOf(stream), handler);
    const message = { subject: "seckill.order.create", data: Buffer.from("{}") };
    await call("publishMessages", { messages: [message, message] });
    await call("publishMessages", { messages: [message, { ...message, occurrence: 1 }] });
    await until(() => seen.length === 2);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(2);
  });

  test.each(["ordermesh.order.order.paid.v1", "dlq.x", "seckill", "seckill.*", "seckill..x", ""])(
    "refuses to publish to %j, and then publishes none",
    async (subject) => {
      const messages = [
        { subject: "seckill.order.create", data: Buffer.from("a") },
        { subject, data: Buffer.from("b") },
      ];
      const error = await refusalOf(call("publishMessages", { messages }));
      expect(reasonOf(error)).toBe("VALIDATION");
      expect(violationsOf(error).map(({ field }) => field)).toEqual(["messages[1].subject"]);
      const { seen, handler } = recorder();
      await bus.subscribe(consumerOf(stream), handler);
      await call("publishMessages", { messages: [{ subject: "seckill.end", data: Buffer.from("end") }] });
      await until(() => seen.length > 0);
      expect(seen.map(textOf)).toEqual(["end"]);
    },
  );

  test("lists dead letters page by page, without their bytes", async () => {
    await makeDeadLetters("a", "bb", "ccc");
    const first = await call("listDeadLetters", { pageSize: 2 });
    expect(first.deadLetters?.map(({ dataSize, data }) => [dataSize, data?.length])).toEqual([
      [1n, 0],
      [2n, 0],
    ]);
    const second = await call("listDeadLetters", { pageSize: 2, pageToken: first.nextPageToken });
    expect(second.deadLetters?.map(({ dataSize }) => dataSize)).toEqual([3n]);
    expect([first.nextPageToken, second.nextPageToken]).toEqual(["2", ""]);
  });

  test("lists those of one stream and consumer", async () => {
    await makeDeadLetters("a");
    expect((await call("listDeadLetters", { stream: "SECKILL", consumer: "order" })).deadLetters?.length).toBe(1);
    expect((await call("listDeadLetters", { stream: "EVENTS" })).deadLetters?.length).toBe(0);
    expect((await call("listDeadLetters", { consumer: "other" })).deadLetters?.length).toBe(0);
  });

  test("shows one with its bytes and reason", async () => {
    await makeDeadLetters("the bytes");
    const { deadLetter } = await call("getDeadLetter", { sequence: 1n });
    expect(deadLetter).toMatchObject({
      stream: "SECKILL",
      consumer: "order",
      originalSubject: "seckill.order.create",
      originalSequence: 1n,
      reason: "poison",
      attempts: 1,
    });
    expect(textOf({ data: deadLetter?.data ?? new Uint8Array() })).toBe("the bytes");
  });

  test("replays one to the consumer that gave it up, once", async () => {
    await makeDeadLetters("a");
    const { seen, handler } = recorder();
    await bus.subscribe(consumerOf(stream, { durable: "order" }), handler);
    await call("replayDeadLetter", { sequence: 1n });
    await until(() => seen.length === 1);
    expect(seen.map(textOf)).toEqual(["a"]);
    expect(reasonOf(await refusalOf(call("replayDeadLetter", { sequence: 1n })))).toBe("NOT_FOUND");
  });

  test("discards one, once", async () => {
    await makeDeadLetters("a");
    await call("discardDeadLetter", { sequence: 1n });
    expect(reasonOf(await refusalOf(call("discardDeadLetter", { sequence: 1n })))).toBe("NOT_FOUND");
    expect(reasonOf(await refusalOf(call("getDeadLetter", { sequence: 1n })))).toBe("NOT_FOUND");
  });

  test("says that the bus is not there, and nothing more", async () => {
    await bus.close();
    const messages = [{ subject: "seckill.order.create", data: Buffer.from("a") }];
    const error = await refusalOf(call("publishMessages", { messages }));
    expect(reasonOf(error)).toBe("BUS_UNAVAILABLE");
    expect(error.rawMessage).not.toContain("closed");
    bus = await openEmbeddedBus({ dataDir: temporaryDirectory("bus"), log: silent });
  });
});
