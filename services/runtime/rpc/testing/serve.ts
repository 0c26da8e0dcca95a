import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Listening, type Server, type ServerOptions } from "../server.ts";
import { createEcho, type Echo, type LogLines, recordingLog, registryOf } from "./echo.ts";

export interface EchoServer extends Listening, LogLines, AsyncDisposable {
  readonly echo: Echo;
  readonly server: Server;
}

/** A server of EchoService on a free port; anything else gets 404 and the text `fallback <version> <method> <url>`. */
export async function serveEcho(options: Partial<ServerOptions> = {}): Promise<EchoServer> {
  const echo = createEcho();
  const { log, lines } = recordingLog();
  const registry = await registryOf([echo.binding], { log });
  const server = createServer({ registry, fallback: answerFallback, log, ...options });
  const listening = await server.listen({ host: "127.0.0.1", port: 0 });
  return { ...listening, echo, server, log, lines, [Symbol.asyncDispose]: async () => void (await server.close(0)) };
}

function answerFallback(request: IncomingMessage, response: ServerResponse): void {
  request.resume().on("end", () => {
    response.writeHead(404).end(`fallback ${request.httpVersion} ${request.method} ${request.url}`);
  });
}
