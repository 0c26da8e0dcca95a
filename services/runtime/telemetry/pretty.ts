import { inspect } from "node:util";
import type { DestinationStream } from "pino";

/** Turns JSON log lines into lines for people: `12:34:56.789 WARN  message key=value`, stacks below. */
export function prettyStream(out: DestinationStream): DestinationStream {
  return { write: (line) => out.write(prettyLine(line)) };
}

/** A line that is no JSON object is passed as it is. */
export function prettyLine(line: string): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line);
  } catch {
    return line;
  }
  const { level, time, msg, service: _service, err, ...rest } = fields;
  const clock = String(time).slice(11, 23);
  const pairs = Object.entries(rest).map(([name, value]) => ` ${name}=${plain(value)}`);
  return `${clock} ${String(level).toUpperCase().padEnd(5)} ${printable(String(msg ?? ""))}${pairs.join("")}${errorText(err)}\n`;
}

function plain(value: unknown): string {
  if (typeof value === "string") return printable(/^[^\s"=]+$/.test(value) ? value : JSON.stringify(value));
  return typeof value === "object"
    ? inspect(value, { breakLength: Number.POSITIVE_INFINITY, depth: 6 })
    : String(value);
}

function errorText(err: unknown): string {
  if (typeof err !== "object" || err === null) return err === undefined ? "" : ` err=${plain(err)}`;
  const { stack, message, cause } = err as Record<string, unknown>;
  const text = String(stack || message).replaceAll("\n", "\n  ");
  return `\n  ${text}${cause === undefined ? "" : `\n  caused by:${errorText(cause)}`}`;
}

/** Values come from outside: no line breaks that forge a line, no escape sequences that drive the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
