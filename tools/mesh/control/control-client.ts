import { request } from "node:http";
import { createInterface } from "node:readline";

/** No supervisor answers on the socket. */
export class NotRunning extends Error {}

/** What was asked for cannot be: the message says what can. */
export class BadRequest extends Error {}

/** Asks the supervisor behind the socket; `onLine` gets what it says meanwhile. Throws NotRunning, BadRequest, or what went wrong there. */
export async function askControl<T>(
  socket: string,
  path: string,
  parameters: Readonly<Record<string, string>> = {},
  onLine: (line: string) => void = () => {},
): Promise<T> {
  const reply = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    const query = new URLSearchParams(parameters).toString();
    const outgoing = request({ socketPath: socket, path: `${path}?${query}`, agent: false }, resolve);
    outgoing.once("error", (error) => reject(new NotRunning("the mesh is not running", { cause: error })));
    outgoing.end();
  });
  for await (const text of createInterface({ input: reply })) {
    const message = JSON.parse(text) as { line?: string; result?: T; error?: string; usage?: boolean };
    if (message.line !== undefined) onLine(message.line);
    if (message.error !== undefined) throw message.usage ? new BadRequest(message.error) : new Error(message.error);
    if ("result" in message) return message.result as T;
  }
  throw new NotRunning("the mesh stopped meanwhile");
}
