import type { IncomingMessage, ServerResponse } from "node:http";
import type { OwnPort } from "@ordermesh/gateway/index.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import type { HealthEndpoints } from "@ordermesh/runtime/lifecycle/health-endpoints.ts";
import type { Part } from "@ordermesh/runtime/lifecycle/lifecycle.ts";
import { refuse } from "@ordermesh/runtime/rpc/refusal.ts";
import { createServer, type Listening, type Server, type ServerOptions } from "@ordermesh/runtime/rpc/server.ts";

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

export interface PortsOptions extends Omit<ServerOptions, "fallback"> {
  readonly host: string;
  /** Of the shared port; 0 takes a free one. */
  readonly port: number;
  /** Operational paths, on the shared port. */
  readonly endpoints: HealthEndpoints;
  /** Gets what is neither an RPC nor an operational path. */
  readonly rest: Handle | undefined;
  readonly ownPorts: readonly OwnPort[];
  /** How long a port that closes lets requests finish (milliseconds). */
  readonly closeMs: number;
}

export interface Ports {
  readonly parts: readonly Part[];
  /** The shared port; once it listens. */
  readonly shared: () => Listening;
}

/** The one port, and those of surfaces that have their own; all of them TLS, or none. */
export function createPorts(options: PortsOptions): Ports {
  const { host, port, endpoints, rest, ownPorts, closeMs, registry, log, ...common } = options;
  let listening: Listening | undefined;

  function fallback(request: IncomingMessage, response: ServerResponse): void {
    const answer = endpoints(request.method ?? "GET", (request.url ?? "/").split("?", 1)[0] ?? "/");
    if (answer !== undefined) {
      void answer.then(({ status, headers, body }) => response.writeHead(status, headers).end(body));
    } else if (rest !== undefined) rest(request, response);
    else refuse(response, "rest", fail("NOT_FOUND"));
  }

  async function stop(server: Server): Promise<void> {
    if (!(await server.close(closeMs))) log.warn("requests were cut off");
  }

  const own = ownPorts.map(({ surface, port, handle }): Part => {
    const server = createServer({ ...common, fallback: handle, log });
    return {
      name: `port of ${surface}`,
      start: async () => {
        const { url } = await server.listen({ host, port });
        log.info({ surface, url }, "listening");
      },
      stop: () => stop(server),
    };
  });
  const server = createServer({ ...common, registry, fallback, log });
  const shared: Part = {
    name: "port",
    start: async () => {
      listening = await server.listen({ host, port });
    },
    stop: () => stop(server),
  };
  return {
    parts: [...own, shared],
    shared: () => {
      if (listening === undefined) throw new Error("the port does not listen yet");
      return listening;
    },
  };
}
