import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { EchoService } from "@ordermesh/proto/ordermesh/testing/v1/echo_pb";
import type { Authenticate } from "../../auth/authenticator.ts";
import { bearerToken } from "../../auth/bearer.ts";
import { anonymous, type Role } from "../../auth/principal.ts";
import { fail } from "../../errors/fail.ts";
import { createLogger, type Logger } from "../../telemetry/logger.ts";
import { createMetrics } from "../../telemetry/metrics.ts";
import { createRpcTelemetry } from "../../telemetry/rpc-telemetry.ts";
import { createTracing } from "../../telemetry/tracing.ts";
import type { CallContext } from "../call-context.ts";
import { createRegistry, type Registry, type RegistryOptions } from "../registry.ts";
import { bindService, type ServiceBinding } from "../service.ts";

/** What no reply may ever show. */
export const secret = "SELECT hunter2 FROM users";

/** An implementation of EchoService whose behaviour the text of a request chooses; `seen` has the contexts of its calls. */
export interface Echo {
  readonly binding: ServiceBinding;
  readonly seen: CallContext[];
}

export function createEcho(): Echo {
  const seen: CallContext[] = [];

  async function act(text: string, context: CallContext): Promise<void> {
    seen.push(context);
    if (text === "crash") throw new Error(secret);
    if (text === "crash wrapped") throw ConnectError.from(new Error(secret));
    if (text === "crash aborted") await sleep(60_000, undefined, { signal: context.signal });
    if (text === "hang") await new Promise(() => {});
    if (text === "header") {
      context.responseHeader.set("x-echo", "heard");
      context.responseTrailer?.set("x-echo-after", "said");
    }
    if (text.startsWith("metadata")) {
      context.responseHeader.set("x-echo", "heard");
      context.responseHeader.append("set-cookie", "a=1");
      context.responseHeader.append("set-cookie", "b=2");
      context.responseTrailer?.set("x-late", "told");
    }
    if (text === "metadata missing")
      throw new ConnectError("missing", Code.NotFound, { "x-error": "told", "content-type": "text/html" });
    if (text === "missing") throw missing();
    if (text.startsWith("sleep ")) await sleep(Number(text.slice(6)));
  }

  const binding = bindService(EchoService, {
    async read({ text }, context) {
      await act(text, context);
      // A defect that the compiler does not see.
      if (text === "unwritable") return { text: 42 as unknown as string };
      return { text };
    },
    async write({ text }, context) {
      await act(text, context);
      return { text };
    },
    async operate(_, context) {
      seen.push(context);
      await sleep(300);
      return {};
    },
    async administer(_, context) {
      seen.push(context);
      return {};
    },
    async *repeat({ text, times }, context) {
      for (let i = 0; i < times; i += 1) {
        yield { text };
        await act(text, context);
      }
    },
    async *talk(requests, context) {
      seen.push(context);
      for await (const { text } of requests) {
        if (text === "crash") throw new Error(secret);
        yield { text };
      }
    },
  });
  return { binding, seen };
}

/** An error with everything that one can carry, beyond ASCII, too. */
export function missing(): ConnectError {
  return fail("NOT_FOUND", {
    message: "订单不存在 – “42”",
    metadata: { orderId: "42" },
    violations: [{ field: "a.b[2]", description: "fehlt" }],
    retryAfterMs: 1500,
  });
}

/** `Bearer user`, `Bearer admin`, ...: the token is the role. */
export const authenticateByRole: Authenticate = async (header) => {
  const token = bearerToken(header);
  if (token === undefined) return anonymous;
  if (token === "expired") throw fail("TOKEN_EXPIRED");
  return { id: `the-${token}`, roles: new Set([token as Role]), kind: "jwt", seesPersonalData: false };
};

export interface LogLines {
  readonly log: Logger;
  readonly lines: Record<string, unknown>[];
}

export function recordingLog(): LogLines {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  return { lines, log: createLogger({ service: "test", level: "debug", destination }) };
}

/** A registry as the composition makes it, with echo's authentication. */
export async function registryOf(
  bindings: readonly ServiceBinding[],
  options: Partial<RegistryOptions> = {},
): Promise<Registry> {
  const tracing = await createTracing({ service: "test" });
  const log = options.log ?? recordingLog().log;
  const observe = createRpcTelemetry({ metrics: createMetrics({ process: false }), tracing, log });
  return createRegistry({ bindings, authenticate: authenticateByRole, observe, tracing, log, ...options });
}

export function bearer(role: string, more: Record<string, string> = {}): Headers {
  return new Headers({ authorization: `Bearer ${role}`, ...more });
}
