import type { DescMethodUnary, Message } from "@bufbuild/protobuf";
import type { Call } from "./call.ts";

/** Runs one unary call. */
export type Invoke = (request: Message, call: Call) => Promise<Message>;

/** Wraps a method once, when the registry is made; what it returns runs on every call of that method. */
export type Interceptor = (next: Invoke, method: DescMethodUnary) => Invoke;

/** The first interceptor is the outermost. */
export function compose(interceptors: readonly Interceptor[], method: DescMethodUnary, handler: Invoke): Invoke {
  return interceptors.reduceRight((next, interceptor) => interceptor(next, method), handler);
}
