import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type DeadLetterSchema, EventAdminService } from "@ordermesh/proto/ordermesh/events/v1/admin_pb";
import { fail } from "../errors/fail.ts";
import { bindService, type ServiceBinding } from "../rpc/service.ts";
import { formatTraceparent } from "../telemetry/trace-context.ts";
import type { DeadLetter, EventBus } from "./bus.ts";
import { externalMessageId } from "./message.ts";
import { isSubject, subjectMatcher } from "./subject.ts";

const defaultPageSize = 20;

export interface EventAdminOptions {
  /** Filters of the subjects that operators may publish to, such as `seckill.>`: the events of services are theirs. */
  readonly publishable: readonly string[];
}

/** The operators' access to the bus. Errors: VALIDATION, NOT_FOUND, BUS_UNAVAILABLE. */
export function eventAdmin(bus: EventBus, { publishable }: EventAdminOptions): ServiceBinding {
  const mayPublish = subjectMatcher(publishable);
  return bindService(EventAdminService, {
    async listDeadLetters({ stream, consumer, pageSize, pageToken }) {
      const size = pageSize || defaultPageSize;
      // One more than asked for tells whether there is a next page.
      const filter = { stream: stream || undefined, consumer: consumer || undefined };
      const found = await answered(bus.deadLetters.list({ ...filter, after: Number(pageToken), limit: size + 1 }));
      const page = found.slice(0, size);
      const more = found.length > size;
      return {
        deadLetters: page.map((letter) => ({ ...messageOf(letter), data: new Uint8Array() })),
        nextPageToken: more ? String(page.at(-1)?.sequence) : "",
      };
    },

    async getDeadLetter({ sequence }) {
      const letter = await answered(bus.deadLetters.get(Number(sequence)));
      if (letter === undefined) throw notFound(sequence);
      return { deadLetter: messageOf(letter) };
    },

    async replayDeadLetter({ sequence }, context) {
      if (!(await answered(bus.deadLetters.replay(Number(sequence))))) throw notFound(sequence);
      context.log.info({ deadLetter: Number(sequence), by: context.principal.id }, "dead letter replayed");
      return {};
    },

    async discardDeadLetter({ sequence }, context) {
      if (!(await answered(bus.deadLetters.discard(Number(sequence))))) throw notFound(sequence);
      context.log.info({ deadLetter: Number(sequence), by: context.principal.id }, "dead letter discarded");
      return {};
    },

    async publishMessages({ messages }, context) {
      const refused = messages.flatMap(({ subject }, i) =>
        isSubject(subject) && mayPublish(subject) ? [] : [{ field: `messages[${i}].subject`, description: refusal }],
      );
      if (refused.length > 0) throw fail("VALIDATION", { violations: refused });
      const traceparent = formatTraceparent(context.trace);
      const outgoing = messages.map(({ subject, data, occurrence, contentType }) => ({
        subject,
        data,
        id: externalMessageId(subject, data, occurrence),
        headers: { traceparent, ...(contentType !== "" && { "content-type": contentType }) },
      }));
      // A publish outlives an outage of the bus; whoever waits here would only hear that his deadline has passed.
      const problem = await bus.check();
      if (problem !== undefined) throw fail("BUS_UNAVAILABLE", { cause: new Error(problem) });
      await answered(bus.publish(outgoing));
      return { messageIds: outgoing.map(({ id }) => id) };
    },
  });

  /** What is asked of the bus is well formed by now, so that a failure is the bus's. */
  async function answered<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (cause) {
      throw fail("BUS_UNAVAILABLE", { cause });
    }
  }
}

const refusal = "not a subject that may be published to";

function notFound(sequence: bigint) {
  return fail("NOT_FOUND", { message: `there is no dead letter ${sequence}` });
}

function messageOf(letter: DeadLetter): MessageInitShape<typeof DeadLetterSchema> {
  const { storedAt, deadAt, sequence, originalSequence, data, ...same } = letter;
  return {
    ...same,
    sequence: BigInt(sequence),
    originalSequence: BigInt(originalSequence),
    storedTime: timestampFromMs(storedAt),
    deadTime: timestampFromMs(deadAt),
    dataSize: BigInt(data.length),
    data,
  };
}
