import { create, type DescMethod, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import {
  type CallOptions,
  Client,
  type ClientReadableStream,
  compressionAlgorithms,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
} from "@grpc/grpc-js";
import { EchoService } from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import { missing } from "@ordermesh/runtime/rpc/testing/echo.ts";
import { type EchoServer, serveEcho } from "@ordermesh/runtime/rpc/testing/serve.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const { read, repeat } = EchoService.method;
let server: EchoServer;
let client: Client;

beforeAll(async () => {
  server = await serveEcho();
  client = clientWith({});
});

afterAll(async () => {
  client.close();
  await server[Symbol.asyncDispose]();
});

function clientWith(options: Record<string, unknown>): Client {
  return new Client(new URL(server.url).host, credentials.createInsecure(), options);
}

interface Answer {
  readonly text: string;
  readonly header: Metadata;
  readonly status: StatusObject;
}

const pathOf = (method: DescMethod) => `/${method.parent.typeName}/${method.name}`;

/** Calls Read; `started` gets the call while it runs. */
function call(
  request: MessageInitShape<typeof read.input>,
  options: CallOptions & { via?: Client; started?: (running: { cancel(): void }) => void } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = "";
    let header = new Metadata();
    const running = (options.via ?? client).makeUnaryRequest(
      pathOf(read),
      (message: MessageInitShape<typeof read.input>) => Buffer.from(toBinary(read.input, create(read.input, message))),
      (bytes) => fromBinary(read.output, bytes),
      request,
      new Metadata(),
      options,
      (error, reply) => {
        if (error !== null) reject(error);
        text = reply?.text ?? "";
      },
    );
    running.on("metadata", (received) => (header = received));
    running.on("status", (status) => resolve({ text, header, status }));
    options.started?.(running);
  });
}

async function failure(answer: Promise<unknown>): Promise<ServiceError> {
  return answer.then(
    () => expect.unreachable("it should have failed"),
    (error) => error,
  );
}

describe("a call", () => {
  test("has headers and trailers", async () => {
    const { header, status } = await call({ text: "header" });
    expect(header.get("x-echo")).toEqual(["heard"]);
    expect(status.metadata.get("x-echo-after")).toEqual(["said"]);
  });

  test("200 kB there and back", async () => {
    const text = "订单 0123456789 ".repeat(10_000);
    expect((await call({ text })).text).toBe(text);
  });

  test.each(["gzip", "deflate"] as const)("compressed by %s", async (name) => {
    const via = clientWith({ "grpc.default_compression_algorithm": compressionAlgorithms[name] });
    const text = "订单 0123456789 ".repeat(10_000);
    // deflate is not served: the client is told so (gRPC, "Compression").
    if (name === "deflate") expect((await failure(call({ text }, { via }))).code).toBe(Code.Unimplemented);
    else expect((await call({ text }, { via })).text).toBe(text);
    via.close();
  });

  test("an error has its code and its text beyond ASCII", async () => {
    const error = await failure(call({ text: "missing" }));
    expect([error.code, error.details]).toEqual([Code.NotFound, missing().rawMessage]);
  });

  test("cancelled, its handler hears of it", async () => {
    const before = server.echo.seen.length;
    const running = Promise.withResolvers<{ cancel(): void }>();
    const error = failure(call({ text: "hang" }, { started: running.resolve }));
    await expect.poll(() => server.echo.seen.length).toBe(before + 1);
    const { signal } = server.echo.seen[before] ?? expect.unreachable();
    (await running.promise).cancel();
    expect((await error).code).toBe(Code.Canceled);
    await expect.poll(() => signal.aborted).toBe(true);
  });

  test("a deadline ends it", async () => {
    expect((await failure(call({ text: "hang" }, { deadline: Date.now() + 100 }))).code).toBe(Code.DeadlineExceeded);
  });

  test("a deadline beyond what Node's timers count is kept, not passed at once", async () => {
    expect((await call({ text: "sleep 20" }, { deadline: Date.now() + 40 * 86_400_000 })).text).toBe("sleep 20");
  });
});

describe("a stream", () => {
  function stream(request: MessageInitShape<typeof repeat.input>): ClientReadableStream<{ text: string }> {
    const metadata = new Metadata();
    metadata.set("authorization", "Bearer user");
    return client.makeServerStreamRequest(
      pathOf(repeat),
      (message: MessageInitShape<typeof repeat.input>) =>
        Buffer.from(toBinary(repeat.input, create(repeat.input, message))),
      (bytes) => fromBinary(repeat.output, bytes),
      request,
      metadata,
    );
  }

  test("has all its messages, headers and trailers", async () => {
    const messages = stream({ text: "header", times: 3 });
    const status = new Promise<StatusObject>((resolve) => messages.once("status", resolve));
    expect((await messages.toArray()).map(({ text }) => text)).toEqual(["header", "header", "header"]);
    expect((await status).metadata.get("x-echo-after")).toEqual(["said"]);
  });

  test("that fails half-way gives what came before, then the error", async () => {
    const received: string[] = [];
    const error = await failure(
      (async () => {
        for await (const { text } of stream({ text: "missing", times: 3 })) received.push(text);
      })(),
    );
    expect(received).toEqual(["missing"]);
    expect([error.code, error.details]).toEqual([Code.NotFound, missing().rawMessage]);
  });
});
