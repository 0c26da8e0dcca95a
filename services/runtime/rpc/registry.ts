import { create, type DescMethod, type DescMethodUnary, type DescService, type Message } from "@bufbuild/protobuf";
import type { Authenticate } from "../auth/authenticator.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type ObserveCall, telemetryInterceptor } from "../telemetry/rpc-telemetry.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { Call, type CallOrigin } from "./call.ts";
import { compose, type Interceptor, type Invoke } from "./interceptor.ts";
import { authInterceptor } from "./interceptors/auth.ts";
import { deadlineInterceptor, deadlineOf } from "./interceptors/deadline.ts";
import { errorsInterceptor } from "./interceptors/errors.ts";
import { idempotencyInterceptor } from "./interceptors/idempotency.ts";
import { validationInterceptor } from "./interceptors/validation.ts";
import { policyOf } from "./policy.ts";
import type { ServiceBinding } from "./service.ts";
import { compileStream, type OpenStream } from "./streaming.ts";

export interface RegistryOptions {
  readonly bindings: readonly ServiceBinding[];
  readonly authenticate: Authenticate;
  readonly observe: ObserveCall;
  readonly tracing: Pick<Tracing, "begin">;
  readonly log: Logger;
  /** Run between the standard ones and the handler. */
  readonly interceptors?: readonly Interceptor[];
  /** Deadline of a unary call whose caller and method name none (milliseconds). Default 30 s. */
  readonly defaultTimeoutMs?: number;
  /** The longest that a unary call may ask for (milliseconds). Default 2 min. */
  readonly maximumTimeoutMs?: number;
}

interface Endpoint {
  readonly path: string;
  /** Begins a call; hand it to `invoke` or `open`, once. */
  start(origin: CallOrigin): Call;
}

/** A unary method with its interceptors, the same for every transport: request message in, reply message out. */
export interface UnaryEndpoint extends Endpoint {
  readonly kind: "unary";
  readonly method: DescMethodUnary;
  /** Rejects with ConnectError only. */
  readonly invoke: Invoke;
}

/** A streaming method, likewise. */
export interface StreamEndpoint extends Endpoint {
  readonly kind: "stream";
  readonly method: DescMethod;
  /** Throws ConnectError only. */
  readonly open: OpenStream;
}

/** Everything this process serves. */
export interface Registry {
  readonly services: readonly DescService[];
  /** By request path, `/package.Service/Method`. */
  readonly endpoints: ReadonlyMap<string, UnaryEndpoint | StreamEndpoint>;
}

/** `/package.Service/Method`: where Connect, gRPC and gRPC-Web all look for a method. */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/**
 * Compiles every method once. Throws for what must not be served: a method without access policy or handler, a service
 * bound twice, rules that do not compile, client streaming (we have none).
 */
export function createRegistry(options: RegistryOptions): Registry {
  const { bindings, defaultTimeoutMs = 30_000, maximumTimeoutMs = 120_000 } = options;
  const timeouts = { defaultMs: defaultTimeoutMs, maximumMs: maximumTimeoutMs };
  const endpoints = new Map<string, UnaryEndpoint | StreamEndpoint>();
  for (const { service, handlers } of bindings) {
    for (const method of service.methods) {
      const path = pathOf(method);
      const handler = handlers[method.localName];
      if (handler === undefined) throw new Error(`${path} has no handler`);
      if (endpoints.has(path)) throw new Error(`${service.typeName} is bound twice`);
      endpoints.set(path, compile(method, handler as Handler, timeouts, options));
    }
  }
  return { services: bindings.map((binding) => binding.service), endpoints };
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

type Handler = (input: unknown, call: Call) => unknown;

function compile(
  method: DescMethod,
  handler: Handler,
  timeouts: { readonly defaultMs: number; readonly maximumMs: number },
  options: RegistryOptions,
): UnaryEndpoint | StreamEndpoint {
  const { authenticate, observe, tracing, log } = options;
  const path = pathOf(method);
  if (method.methodKind === "client_streaming")
    throw new Error(`${path} is client streaming, which nothing here serves`);
  const { access, defaultTimeoutMs } = policyOf(method);

  const start = (origin: CallOrigin, deadline: number | undefined) => new Call(method, origin, deadline, log, tracing);

  if (isUnary(method)) {
    const interceptors: Interceptor[] = [
      telemetryInterceptor(observe),
      errorsInterceptor,
      deadlineInterceptor,
      authInterceptor(access, authenticate),
      validationInterceptor,
      idempotencyInterceptor,
      ...(options.interceptors ?? []),
    ];
    const innermost: Invoke = async (request, call) => create(method.output, (await handler(request, call)) as Message);
    return {
      kind: "unary",
      method,
      path,
      invoke: compose(interceptors, method, innermost),
      start: (origin) => start(origin, deadlineOf(origin.deadline, defaultTimeoutMs, timeouts)),
    };
  }
  return {
    kind: "stream",
    method,
    path,
    open: compileStream(method, handler as Parameters<typeof compileStream>[1], { access, authenticate, observe }),
    // A stream may be meant to last (Watch): only its caller or its own policy ends it.
    start: (origin) =>
      start(origin, origin.deadline ?? (defaultTimeoutMs === undefined ? undefined : Date.now() + defaultTimeoutMs)),
  };
}
