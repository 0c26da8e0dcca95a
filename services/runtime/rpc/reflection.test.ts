import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  ServerReflection,
  type ServerReflectionRequestSchema,
  type ServerReflectionResponse,
} from "@ordermesh/proto/grpc/reflection/v1/reflection_pb";
import { ServerReflection as ServerReflectionV1Alpha } from "@ordermesh/proto/grpc/reflection/v1alpha/reflection_pb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { grpcurlProgram } from "../../../tools/components/programs.ts";
import { createReadiness } from "../lifecycle/readiness.ts";
import { createHealth } from "./health.ts";
import { createReflection } from "./reflection.ts";
import { createServer, type Server } from "./server.ts";
import { createEcho, recordingLog, registryOf } from "./testing/echo.ts";

const echo = "ordermesh.testing.v1.EchoService";
let server: Server;
let url: string;

beforeAll(async () => {
  const { binding } = createEcho();
  const health = createHealth(createReadiness(), [binding.service]);
  const bindings = [binding, health];
  const registry = await registryOf([...bindings, ...createReflection(bindings.map(({ service }) => service))]);
  server = createServer({ registry, fallback: (_, response) => response.end(), log: recordingLog().log });
  url = (await server.listen({ host: "127.0.0.1", port: 0 })).url;
});

afterAll(async () => {
  await server.close(0);
});

type Question = NonNullable<MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"]>;

async function ask(...questions: Question[]): Promise<ServerReflectionResponse["messageResponse"][]> {
  const client = createClient(ServerReflection, createGrpcTransport({ baseUrl: url }));
  async function* requests() {
    for (const messageRequest of questions) yield { messageRequest };
  }
  return Array.fromAsync(client.serverReflectionInfo(requests()), ({ messageResponse }) => messageResponse);
}

async function fileNames(question: Question): Promise<string[]> {
  return namesIn((await ask(question))[0]);
}

function namesIn(response: ServerReflectionResponse["messageResponse"] | undefined): string[] {
  if (response?.case !== "fileDescriptorResponse") return expect.unreachable(`got ${response?.case}`);
  return response.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
}

async function errorOf(question: Question): Promise<number | undefined> {
  const [response] = await ask(question);
  return response?.case === "errorResponse" ? response.value.errorCode : undefined;
}

const echoFile = "ordermesh/testing/v1/echo.proto";

test("lists the services, its own among them", async () => {
  const [response] = await ask({ case: "listServices", value: "" });
  expect(response?.case === "listServicesResponse" && response.value.service.map(({ name }) => name)).toEqual([
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    echo,
  ]);
});

describe("finds a file", () => {
  test("by its name, with all it imports", async () => {
    const names = await fileNames({ case: "fileByFilename", value: echoFile });
    expect(names[0]).toBe(echoFile);
    expect(names).toEqual(
      expect.arrayContaining([
        "ordermesh/rpc/v1/policy.proto",
        "buf/validate/validate.proto",
        "google/protobuf/struct.proto",
      ]),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  test.each([
    ["service", echo],
    ["method", `${echo}.Read`],
    ["message", "ordermesh.testing.v1.WriteRequest"],
    ["nested message", "ordermesh.testing.v1.WriteRequest.Part"],
    ["field", "ordermesh.testing.v1.WriteRequest.text"],
  ])("by a %s", async (_kind, value) => {
    expect((await fileNames({ case: "fileContainingSymbol", value }))[0]).toBe(echoFile);
  });

  test.each([
    ["enum", "ordermesh.rpc.v1.Access"],
    ["enum value", "ordermesh.rpc.v1.ACCESS_ADMIN"],
    ["extension", "ordermesh.rpc.v1.policy"],
  ])("by an %s", async (_kind, value) => {
    expect((await fileNames({ case: "fileContainingSymbol", value }))[0]).toBe("ordermesh/rpc/v1/policy.proto");
  });

  test("by a nested enum and its value", async () => {
    for (const name of ["HealthCheckResponse.ServingStatus", "HealthCheckResponse.SERVING"]) {
      const names = await fileNames({ case: "fileContainingSymbol", value: `grpc.health.v1.${name}` });
      expect(names[0]).toBe("grpc/health/v1/health.proto");
    }
  });

  test("by an extension's number", async () => {
    const value = { containingType: "google.protobuf.MethodOptions", extensionNumber: 50020 };
    const names = await fileNames({ case: "fileContainingExtension", value });
    expect(names[0]).toBe("ordermesh/rpc/v1/policy.proto");
  });
});

test("gives the numbers of all extensions of a message", async () => {
  const [some, none] = await ask(
    { case: "allExtensionNumbersOfType", value: "google.protobuf.MethodOptions" },
    { case: "allExtensionNumbersOfType", value: "ordermesh.testing.v1.ReadRequest" },
  );
  expect(some?.case === "allExtensionNumbersResponse" && some.value.extensionNumber).toContain(50020);
  expect(none?.case === "allExtensionNumbersResponse" && none.value.extensionNumber).toEqual([]);
});

test.each<Question>([
  { case: "fileByFilename", value: "no/such.proto" },
  { case: "fileContainingSymbol", value: "no.such.Symbol" },
  { case: "fileContainingExtension", value: { containingType: "google.protobuf.MethodOptions", extensionNumber: 1 } },
  { case: "fileContainingExtension", value: { containingType: "no.Such", extensionNumber: 50020 } },
  { case: "allExtensionNumbersOfType", value: "no.Such" },
])("what nobody knows is NOT_FOUND: %o", async (question) => {
  expect(await errorOf(question)).toBe(5);
});

test("a stream goes on after NOT_FOUND, and sends an import only once", async () => {
  const [missing, first, second] = await ask(
    { case: "fileByFilename", value: "no/such.proto" },
    { case: "fileByFilename", value: echoFile },
    { case: "fileByFilename", value: "ordermesh/rpc/v1/policy.proto" },
  );
  expect(missing?.case).toBe("errorResponse");
  expect(namesIn(first)).toContain("ordermesh/rpc/v1/policy.proto");
  expect(namesIn(second)).toEqual(["ordermesh/rpc/v1/policy.proto"]);
});

test("a request that asks nothing is refused", async () => {
  const client = createClient(ServerReflection, createGrpcTransport({ baseUrl: url }));
  async function* requests() {
    yield {};
  }
  await expect(Array.fromAsync(client.serverReflectionInfo(requests()))).rejects.toThrow("must ask for something");
});

test("answers v1alpha as well", async () => {
  const client = createClient(ServerReflectionV1Alpha, createGrpcTransport({ baseUrl: url }));
  async function* requests() {
    yield { messageRequest: { case: "fileContainingSymbol" as const, value: echo } };
  }
  const [response] = await Array.fromAsync(client.serverReflectionInfo(requests()));
  expect(response?.originalRequest?.messageRequest).toEqual({ case: "fileContainingSymbol", value: echo });
  expect(response?.messageResponse.case).toBe("fileDescriptorResponse");
});

describe("grpcurl, without proto files,", () => {
  const run = promisify(execFile);
  const grpcurl = async (...args: string[]) => {
    const { stdout } = await run(grpcurlProgram(), ["-plaintext", ...args]);
    return stdout;
  };
  const host = () => new URL(url).host;

  test("lists services and methods", async () => {
    expect((await grpcurl(host(), "list")).trim().split("\n")).toContain(echo);
    expect((await grpcurl(host(), "list", echo)).trim().split("\n")).toContain(`${echo}.Read`);
  });

  test("describes services, messages and our options", async () => {
    const service = await grpcurl(host(), "describe", echo);
    expect(service).toContain("rpc Talk ( stream .ordermesh.testing.v1.TalkRequest )");
    expect(service).toContain("(.ordermesh.rpc.v1.policy) = { access: ACCESS_PUBLIC }");
    expect(await grpcurl(host(), "describe", ".ordermesh.testing.v1.WriteRequest")).toContain(
      "map<string, string> labels = 3",
    );
  });

  test("calls", async () => {
    expect(JSON.parse(await grpcurl("-d", '{"text":"hello"}', host(), `${echo}/Read`))).toEqual({ text: "hello" });
    const stream = await grpcurl(
      ...["-H", "authorization: Bearer user", "-d", '{"text":"x","times":2}', host(), `${echo}/Repeat`],
    );
    expect(stream.match(/"text": "x"/g)).toHaveLength(2);
    expect(JSON.parse(await grpcurl(host(), "grpc.health.v1.Health/Check"))).toEqual({ status: "NOT_SERVING" });
  });

  test("shows errors with their details", async () => {
    const error = await grpcurl("-d", '{"text":"missing"}', host(), `${echo}/Read`).catch((reason) => reason);
    expect(error.stderr).toContain("Code: NotFound");
    expect(error.stderr).toContain("订单不存在");
    expect(error.stderr).toContain('"reason": "NOT_FOUND"');
    expect(error.stderr).toContain("google.rpc.BadRequest");
  });
});
