import type { Msg } from "nats";
import type { Delivery } from "./bus.ts";
import { deliveryOf } from "./dead-letters.ts";

/**
 * A delivered message with what its acknowledgement subject says of it (JetStream ADR-15); undefined for a status
 * message. `last`: the consumer has no more of them. Never throws, whatever a foreign publisher put into it.
 */
export function parseMessage(message: Msg): { delivery: Delivery; redelivered: boolean; last: boolean } | undefined {
  // $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<time>.<pending>[.<random>]
  const tokens = message.reply?.split(".") ?? [];
  const first = tokens.length === 9 ? 2 : 4;
  const [stream, , delivered, sequence, , time, pending] = tokens.slice(first);
  if (tokens[1] !== "ACK" || stream === undefined || time === undefined) return undefined;
  const { id, headers } = headersOf(message);
  const { buffer, byteOffset, length } = message.data;
  const stored = {
    subject: message.subject,
    sequence: Number(sequence),
    id,
    data: new Uint8Array(buffer, byteOffset, length),
    headers,
    // Nanoseconds exceed 2^53.
    storedAt: Number(time.slice(0, -6)),
  };
  return { delivery: deliveryOf(stream, stored, 1), redelivered: delivered !== "1", last: pending === "0" };
}

/** The publisher's headers and the message's id; of a repeated header the first counts. */
function headersOf(message: Msg): { id: string; headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  let id = "";
  try {
    for (const [name, [value = ""]] of message.headers ?? []) {
      if (name === "Nats-Msg-Id") id = value;
      else if (!name.startsWith("Nats-")) headers[name] = value;
    }
    return { id, headers };
  } catch {
    // The client refuses names that are no tokens; the bytes are still good.
    return { id: "", headers: {} };
  }
}
