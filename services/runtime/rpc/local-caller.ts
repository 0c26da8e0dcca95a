import { create, type DescMethodUnary, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { fail } from "../errors/fail.ts";
import type { Call } from "./call.ts";
import type { Transport } from "./call-context.ts";
import type { Caller, CallOptions, CallReply } from "./caller.ts";
import { pathOf, type Registry } from "./registry.ts";

const noHeader = (): Headers => new Headers();

/**
 * Calls the services of this process: the same interceptors as for any transport, on typed messages, with nothing encoded
 * in between. `transport` is what handlers and telemetry see.
 */
export function localCaller(registry: Registry, transport: Transport = "local"): Caller {
  return {
    async unary<M extends DescMethodUnary>(
      method: M,
      request: MessageInitShape<M["input"]>,
      { header, ...options }: CallOptions = {},
    ): Promise<CallReply<M>> {
      const endpoint = registry.endpoints.get(pathOf(method));
      if (endpoint?.kind !== "unary") throw fail("UNIMPLEMENTED");
      const call = endpoint.start({ ...options, transport, requestHeader: header ?? noHeader });
      const message = await endpoint.invoke(create(method.input, request), call);
      return new LocalReply(message as MessageShape<M["output"]>, call) as CallReply<M>;
    },
  };
}

/** Most callers never look at the reply's headers. */
class LocalReply<T> {
  readonly message: T;
  readonly #call: Call;

  constructor(message: T, call: Call) {
    this.message = message;
    this.#call = call;
  }

  get header(): Headers {
    return this.#call.responseHeader;
  }
}
