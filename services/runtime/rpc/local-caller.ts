import { create, type DescMethodUnary, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { fail } from "../errors/fail.ts";
import type { Transport } from "./call-context.ts";
import type { Caller, CallOptions, CallReply } from "./caller.ts";
import { pathOf, type Registry, type UnaryEndpoint } from "./registry.ts";

const noHeader = (): Headers => new Headers();
const noOptions: CallOptions = {};

/**
 * Calls the services of this process: the same interceptors as for any transport, on typed messages, with nothing encoded
 * in between. `transport` is what handlers and telemetry see.
 */
export function localCaller(registry: Registry, transport: Transport = "local"): Caller {
  const endpoints = new Map<DescMethodUnary, UnaryEndpoint>();

  function endpointOf(method: DescMethodUnary): UnaryEndpoint {
    const known = endpoints.get(method);
    if (known !== undefined) return known;
    const endpoint = registry.endpoints.get(pathOf(method));
    if (endpoint?.kind !== "unary") throw fail("UNIMPLEMENTED");
    endpoints.set(method, endpoint);
    return endpoint;
  }

  return {
    async unary<M extends DescMethodUnary>(
      method: M,
      request: MessageInitShape<M["input"]>,
      { header = noHeader, headerReader, signal, deadline, principal, trace }: CallOptions = noOptions,
    ): Promise<CallReply<M>> {
      const endpoint = endpointOf(method);
      const origin = { transport, requestHeader: header, headerReader, signal, deadline, principal, trace };
      const call = endpoint.start(origin);
      const message = await endpoint.invoke(create(method.input, request), call);
      return { message: message as MessageShape<M["output"]>, header: call.madeResponseHeader };
    },
  };
}
