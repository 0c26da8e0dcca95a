import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { anonymous, type Principal } from "@ordermesh/runtime/auth/principal.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { Caller } from "@ordermesh/runtime/rpc/caller.ts";
import type { WatchCaller } from "@ordermesh/runtime/rpc/caller-watch.ts";
import { Access, type MethodPolicy, permits } from "@ordermesh/runtime/rpc/policy.ts";
import type { Logger } from "@ordermesh/runtime/telemetry/logger.ts";
import type { TraceContext } from "@ordermesh/runtime/telemetry/trace-context.ts";
import { type HttpRequest, readBody } from "./body.ts";
import type { CompiledRoute } from "./compiled-route.ts";
import { callTimeoutMs } from "./deadline.ts";
import type { JsonTree } from "./json-tree.ts";
import type { PathSegments } from "./path.ts";
import { RequestProblem } from "./problem.ts";
import type { Reply } from "./reply.ts";
import { bodyTree } from "./request-tree.ts";
import type { RestRequest } from "./rest-request.ts";
import { callRoute } from "./route-call.ts";
import type { BodyVerdict } from "./surface.ts";

export interface ServeOptions {
  readonly caller: Caller;
  /** Who calls, by the surface's rule (`request.surface`). Throws ConnectError. */
  readonly authenticate: (request: RestRequest) => Principal | Promise<Principal>;
  /** Of a call whose caller and method name none (milliseconds). Undefined: the service's own counts. */
  readonly defaultTimeoutMs?: number | undefined;
  /** Bytes of a request's body, unless its surface has its own limit. */
  readonly maxBodyBytes: number;
  readonly log: Logger;
}

/** A request that has a route. */
export interface RoutedRequest {
  readonly compiled: CompiledRoute;
  readonly path: PathSegments;
  readonly shift: number;
  readonly request: RestRequest;
  readonly incoming: HttpRequest;
  readonly trace: TraceContext;
  readonly watch: WatchCaller;
}

const noBody: BodyVerdict = { tree: undefined };

/** Authenticates, reads, binds, calls. Throws RequestProblem, ConnectError, ClientGone. */
export async function serveRoute(routed: RoutedRequest, options: ServeOptions): Promise<Reply> {
  const { compiled, request } = routed;
  const { policy } = compiled.route;
  const timeoutMs = callTimeoutMs(request.headers, policy.defaultTimeoutMs ?? options.defaultTimeoutMs);
  const deadline = timeoutMs === undefined ? undefined : Date.now() + timeoutMs;
  const authorized = authorize(policy, request, options);
  const principal = authorized instanceof Promise ? await authorized : authorized;
  // Without a body rule nothing of the request's body is meant (google/api/http.proto): it is not read.
  const body = compiled.route.body === undefined ? noBody : await requestBody(routed, options.maxBodyBytes);
  if ("reply" in body) return body.reply;
  const message = bindMessage(routed, body.tree);
  const setting = { principal, deadline, trace: routed.trace, watch: routed.watch };
  const reply = await callRoute(compiled.route, message, request, setting, options.caller, options.log);
  return compiled.reply(reply.message, reply.headers);
}

/**
 * As the runtime does for every call, here before the body is read. A public method answers a caller with bad credentials,
 * too; another refusal (a foreign origin) stands. Throws UNAUTHENTICATED, PERMISSION_DENIED.
 */
function authorize(
  { access }: MethodPolicy,
  request: RestRequest,
  options: ServeOptions,
): Principal | Promise<Principal> {
  const refused = (error: unknown) => admit(access, withoutCredentials(access, error));
  let principal: Principal | Promise<Principal>;
  try {
    principal = options.authenticate(request);
  } catch (error) {
    return refused(error);
  }
  return principal instanceof Promise
    ? principal.then((known) => admit(access, known), refused)
    : admit(access, principal);
}

function withoutCredentials(access: Access, error: unknown): Principal {
  const isCredential = error instanceof ConnectError && error.code === Code.Unauthenticated;
  if (!isCredential || access !== Access.PUBLIC) throw error;
  return anonymous;
}

function admit(access: Access, principal: Principal): Principal {
  if (permits(access, principal.roles)) return principal;
  throw fail(principal.kind === "anonymous" ? "UNAUTHENTICATED" : "PERMISSION_DENIED");
}

async function requestBody({ compiled, request, incoming }: RoutedRequest, maxBodyBytes: number): Promise<BodyVerdict> {
  const { method, rest, surface } = compiled.route;
  const limitBytes = surface.body.maxBytes ?? maxBodyBytes;
  const bytes = await readBody(incoming, limitBytes);
  if (bytes === undefined) throw new RequestProblem({ kind: "body-too-large", limitBytes });
  try {
    return bodyTree(surface, method, rest?.rawBody === true, bytes, request);
  } catch (error) {
    if (rest?.bodyOptional === true && error instanceof RequestProblem) return { tree: undefined };
    throw error;
  }
}

function bindMessage({ compiled, path, shift, request }: RoutedRequest, body: JsonTree | undefined): Message {
  const parts = { path, shift, query: request.query, body };
  try {
    return compiled.bind(parts);
  } catch (error) {
    if (compiled.route.rest?.bodyOptional !== true || !isBodyProblem(error)) throw error;
    return compiled.bind({ ...parts, body: undefined });
  }
}

function isBodyProblem(error: unknown): boolean {
  return error instanceof RequestProblem && error.problem.kind === "field" && error.problem.source === "body";
}
