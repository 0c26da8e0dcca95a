import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { UnknownComponent } from "../supervisor.ts";

/** What can be asked of a running mesh: a path, the query's parameters, and the answer as JSON. */
export type ControlHandlers = Readonly<
  Record<string, (parameters: URLSearchParams, say: (line: string) => void) => Promise<unknown>>
>;

/**
 * Serves commands over HTTP on a Unix socket that only its owner may use. A reply is lines of JSON:
 * `{"line": text}` while it works, and last `{"result": value}` or `{"error": text, "usage": boolean}`.
 */
export async function serveControl(path: string, handlers: ControlHandlers): Promise<{ close(): void }> {
  // Of a supervisor that died: who starts has made sure that none runs.
  if (process.platform !== "win32") rmSync(path, { force: true });
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  // The folder may be one that others enter, where the path would be too long in ours.
  if (process.platform !== "win32") chmodSync(path, 0o600);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://control");
    const handler = Object.hasOwn(handlers, url.pathname) ? handlers[url.pathname] : undefined;
    const write = (value: object) => void response.write(`${JSON.stringify(value)}\n`);
    response.on("error", () => {});
    try {
      if (handler === undefined) throw new UnknownComponent(`there is no ${url.pathname}`);
      const result = await handler(url.searchParams, (line) => write({ line }));
      write({ result: result ?? null });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      write({ error: text, usage: error instanceof UnknownComponent });
    }
    response.end();
  }

  return {
    close: () => {
      server.close();
      server.closeIdleConnections();
    },
  };
}
