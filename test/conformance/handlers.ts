import { setTimeout as sleep } from "node:timers/promises";
import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { type Code, ConnectError } from "@connectrpc/connect";
import type { Descriptors } from "./descriptors.ts";

/** What a handler needs of its call; both servers have it. */
export interface ConformanceContext {
  readonly requestHeader: Headers;
  readonly responseHeader: Headers;
  readonly responseTrailer: Headers;
  /** What is left of the caller's timeout (milliseconds). */
  timeoutMs(): number | undefined;
}

// The messages of connectrpc/conformance/v1/service.proto, as far as handlers read them.

interface Header {
  readonly name: string;
  readonly value: readonly string[];
}

interface ErrorDefinition {
  readonly code: number;
  readonly message?: string;
  readonly details: readonly Any[];
}

interface ResponseDefinition {
  readonly responseHeaders: readonly Header[];
  readonly responseTrailers: readonly Header[];
  readonly responseDelayMs: number;
}

interface UnaryDefinition extends ResponseDefinition {
  readonly response:
    | { readonly case: "responseData"; readonly value: Uint8Array }
    | { readonly case: "error"; readonly value: ErrorDefinition }
    | { readonly case: undefined; readonly value?: undefined };
}

interface StreamDefinition extends ResponseDefinition {
  readonly responseData: readonly Uint8Array[];
  readonly error?: ErrorDefinition;
}

type UnaryRequest = Message & { readonly responseDefinition?: UnaryDefinition };
type StreamRequest = Message & { readonly responseDefinition?: StreamDefinition };
type BidiRequest = StreamRequest & { readonly fullDuplex: boolean };

interface Reply {
  readonly payload: Record<string, unknown>;
}

/** ConformanceService, whose comments say what each method does, but for client streaming. */
export interface ConformanceHandlers {
  unary(request: UnaryRequest, context: ConformanceContext): Promise<Reply>;
  idempotentUnary(request: UnaryRequest, context: ConformanceContext): Promise<Reply>;
  serverStream(request: StreamRequest, context: ConformanceContext): AsyncIterable<Reply>;
  bidiStream(requests: AsyncIterable<BidiRequest>, context: ConformanceContext): AsyncIterable<Reply>;
}

export function createHandlers(descriptors: Descriptors): ConformanceHandlers {
  const requestInfo = descriptors.message("ConformancePayload.RequestInfo");

  function infoOf(type: DescMessage, requests: readonly Message[], context: ConformanceContext) {
    const timeoutMs = context.timeoutMs();
    return {
      requestHeaders: [...context.requestHeader].map(([name, value]) => ({ name, value: [value] })),
      timeoutMs: timeoutMs === undefined ? undefined : BigInt(timeoutMs),
      requests: requests.map((request) => anyPack(type, request)),
    };
  }

  type Info = ReturnType<typeof infoOf>;

  /** `info`: goes into the details where no reply carried it before. */
  function errorOf({ code, message, details }: ErrorDefinition, info?: Info): ConnectError {
    const error = new ConnectError(message ?? "", code as Code);
    const all = info === undefined ? details : [...details, anyPack(requestInfo, create(requestInfo, info))];
    error.details = all.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value }));
    return error;
  }

  function unaryOf(name: string) {
    const type = descriptors.message(name);
    return async (request: UnaryRequest, context: ConformanceContext): Promise<Reply> => {
      const definition = request.responseDefinition;
      setMetadata(definition, context);
      if (definition !== undefined && definition.responseDelayMs > 0) await sleep(definition.responseDelayMs);
      const info = infoOf(type, [request], context);
      const response = definition?.response;
      if (response?.case === "error") throw errorOf(response.value, info);
      return { payload: { data: response?.value, requestInfo: info } };
    };
  }

  const serverStreamRequest = descriptors.message("ServerStreamRequest");
  const bidiStreamRequest = descriptors.message("BidiStreamRequest");

  return {
    unary: unaryOf("UnaryRequest"),
    idempotentUnary: unaryOf("IdempotentUnaryRequest"),

    async *serverStream(request, context) {
      const definition = request.responseDefinition;
      setMetadata(definition, context);
      let info: Info | undefined = infoOf(serverStreamRequest, [request], context);
      for (const data of definition?.responseData ?? []) {
        await sleep(definition?.responseDelayMs);
        yield { payload: { data, requestInfo: info } };
        info = undefined;
      }
      if (definition?.error !== undefined) throw errorOf(definition.error, info);
    },

    async *bidiStream(requests, context) {
      let definition: StreamDefinition | undefined;
      let unanswered: BidiRequest[] = [];
      let replies = 0;
      let fullDuplex: boolean | undefined;
      for await (const request of requests) {
        if (fullDuplex === undefined) {
          fullDuplex = request.fullDuplex;
          definition = request.responseDefinition;
          setMetadata(definition, context);
        }
        unanswered.push(request);
        if (!fullDuplex) continue;
        const data = definition?.responseData[replies];
        if (data === undefined) break;
        await sleep(definition?.responseDelayMs);
        yield { payload: { data, requestInfo: infoOf(bidiStreamRequest, unanswered, context) } };
        unanswered = [];
        replies += 1;
      }
      // In half duplex all of them, in full duplex those beyond the number of requests.
      let info: Info | undefined = replies === 0 ? infoOf(bidiStreamRequest, unanswered, context) : undefined;
      for (const data of definition?.responseData.slice(replies) ?? []) {
        await sleep(definition?.responseDelayMs);
        yield { payload: { data, requestInfo: info } };
        info = undefined;
      }
      if (definition?.error !== undefined) throw errorOf(definition.error, info);
    },
  };
}

function setMetadata(definition: ResponseDefinition | undefined, context: ConformanceContext): void {
  for (const { name, value } of definition?.responseHeaders ?? []) {
    for (const one of value) context.responseHeader.append(name, one);
  }
  for (const { name, value } of definition?.responseTrailers ?? []) {
    for (const one of value) context.responseTrailer.append(name, one);
  }
}
