import { create, type DescMethod, type Message } from "@bufbuild/protobuf";
import type { Authenticate } from "../auth/authenticator.ts";
import { fail } from "../errors/fail.ts";
import { mayLeave, sanitize } from "../errors/sanitize.ts";
import type { ObserveCall } from "../telemetry/rpc-telemetry.ts";
import type { Call } from "./call.ts";
import { authorize } from "./interceptors/auth.ts";
import { type Validate, validationOf } from "./interceptors/validation.ts";
import type { Access } from "./policy.ts";

/** Runs one streaming call; server-streaming methods take one message, bidirectional ones a stream of them. */
export type OpenStream = (input: Message | AsyncIterable<Message>, call: Call) => AsyncIterable<Message>;

type StreamHandler = (input: Message | AsyncIterable<Message>, call: Call) => AsyncIterable<Record<string, unknown>>;

/**
 * What the interceptors are for unary calls: telemetry, errors, deadline, auth (when the stream opens) and validation (of
 * each message).
 */
export function compileStream(
  method: DescMethod,
  handler: StreamHandler,
  options: { readonly access: Access; readonly authenticate: Authenticate; readonly observe: ObserveCall },
): OpenStream {
  const validate = validationOf(method.input);

  async function* serve(input: Message | AsyncIterable<Message>, call: Call): AsyncGenerator<Message> {
    await call.race(async () => authorize(call, options.access, options.authenticate));
    const replies = handler(validated(input, validate), call)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const reply = await call.race(() => replies.next());
        if (reply.done) return;
        yield create(method.output, reply.value);
      }
    } finally {
      // Not awaited: a handler that waits for something else would never come to it.
      replies.return?.().catch(() => {});
    }
  }

  return async function* open(input, call) {
    const end = options.observe(call);
    // What it is if the transport stops reading half-way.
    let outcome: unknown = fail("CANCELLED");
    call.begin();
    try {
      yield* serve(input, call);
      outcome = undefined;
    } catch (error) {
      outcome = mayLeave(error) ? error : sanitize(error, call.log);
      throw outcome;
    } finally {
      call.end();
      // Whatever the handler still waits for is over.
      call.interrupt(fail("CANCELLED"));
      end(outcome);
    }
  };
}

function validated(input: Message | AsyncIterable<Message>, validate: Validate): Message | AsyncIterable<Message> {
  if (Symbol.asyncIterator in input) return validatedStream(input, validate);
  validate(input);
  return input;
}

async function* validatedStream(messages: AsyncIterable<Message>, validate: Validate): AsyncGenerator<Message> {
  for await (const message of messages) {
    validate(message);
    yield message;
  }
}
