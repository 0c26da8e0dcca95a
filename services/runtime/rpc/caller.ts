import type { DescMessage, DescMethodUnary, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { HeaderReader } from "../auth/authenticator.ts";
import type { Principal } from "../auth/principal.ts";
import type { TraceContext } from "../telemetry/trace-context.ts";
import type { WatchCaller } from "./caller-watch.ts";

/** What a caller may say of one call. */
export interface CallOptions {
  /** A function where making them costs something: most calls never look. */
  readonly header?: Headers | (() => Headers);
  /** Reads single ones of them where making them all is dearer. In-process only. */
  readonly headerReader?: HeaderReader;
  readonly signal?: AbortSignal | WatchCaller;
  /** Epoch milliseconds. */
  readonly deadline?: number;
  /** Whom the gateway has established already. Between processes it counts where they share a secret to say so with; else the credentials among the headers do. */
  readonly principal?: Principal;
  /** The caller's own span: the call continues its trace. */
  readonly trace?: TraceContext;
}

/** A reply with the metadata that came with it. */
export interface CallReply<M extends DescMethodUnary> {
  readonly message: MessageShape<M["output"]>;
  /** Undefined: none came. */
  readonly header: Headers | undefined;
}

/**
 * The one way to call a unary RPC: in this process (through the same interceptor chain, on typed messages) or over
 * Connect. Fails with ConnectError, whichever it is.
 */
export interface Caller {
  unary<M extends DescMethodUnary>(
    method: M,
    request: MessageInitShape<M["input"]>,
    options?: CallOptions,
  ): Promise<CallReply<M>>;
}

type Unary<S extends DescService> = {
  [K in keyof S["method"] as S["method"][K] extends DescMethodUnary ? K : never]: S["method"][K] extends DescMethodUnary
    ? (
        request: MessageInitShape<S["method"][K]["input"]>,
        options?: CallOptions,
      ) => Promise<MessageShape<S["method"][K]["output"]>>
    : never;
};

/** A typed client for a service's unary methods over any Caller. */
export type Client<S extends DescService> = Unary<S>;

/** Makes a typed client; method objects are made once. */
export function createClient<S extends DescService>(service: S, caller: Caller): Client<S> {
  const client: Record<string, unknown> = {};
  for (const method of service.methods) {
    if (method.methodKind !== "unary") continue;
    const unary = method as DescMethodUnary;
    client[method.localName] = async (request: MessageInitShape<DescMessage>, options?: CallOptions) =>
      (await caller.unary(unary, request, options)).message;
  }
  return client as Client<S>;
}
