import type {
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { CallContext } from "./call-context.ts";

/** A unary handler: request in, reply out; throws ConnectError (see errors/) for every refusal. */
export type UnaryHandler<M extends DescMethodUnary> = (
  request: MessageShape<M["input"]>,
  context: CallContext,
) => Promise<MessageInitShape<M["output"]>>;

type Handler<M> = M extends DescMethodUnary
  ? UnaryHandler<M>
  : M extends DescMethodServerStreaming
    ? (request: MessageShape<M["input"]>, context: CallContext) => AsyncIterable<MessageInitShape<M["output"]>>
    : M extends DescMethodBiDiStreaming
      ? (
          requests: AsyncIterable<MessageShape<M["input"]>>,
          context: CallContext,
        ) => AsyncIterable<MessageInitShape<M["output"]>>
      : never;

/** One handler for each method of a service, by its local name. */
export type ServiceHandlers<S extends DescService> = { [K in keyof S["method"]]: Handler<S["method"][K]> };

/** A service and what implements it; transports and the transcoder know nothing else of a service. */
export interface ServiceBinding {
  readonly service: DescService;
  readonly handlers: Readonly<Record<string, (...args: never[]) => unknown>>;
}

/** Ties handlers to their service, checked by the compiler. */
export function bindService<S extends DescService>(service: S, handlers: ServiceHandlers<S>): ServiceBinding {
  return { service, handlers: handlers as ServiceBinding["handlers"] };
}
