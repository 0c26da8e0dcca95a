import { connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export interface TcpProxy {
  readonly url: string;
  /** The next request reaches the server, whose answer is lost with the connection. */
  loseNextAnswer(): void;
  /** Breaks every open connection, as a crash of the server would. */
  cut(): void;
  /** Refuses (and breaks) connections until `restore`. */
  down(): void;
  restore(): void;
}

/** A network path to the server of `url` that a test can break; gone with the test. */
export async function startTcpProxy(url: string): Promise<TcpProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let refusing = false;
  let losing = false;
  const server = createServer((client) => {
    if (refusing) return client.destroy();
    const upstream = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => undefined);
      from.once("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on("data", (data: Buffer) => {
      if (!losing) return client.write(data);
      losing = false;
      client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const own = new URL(url);
  own.host = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  const proxy: TcpProxy = {
    url: own.href,
    loseNextAnswer: () => {
      losing = true;
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    down: () => {
      refusing = true;
      proxy.cut();
    },
    restore: () => {
      refusing = false;
    },
  };
  onTestFinished(() => {
    proxy.down();
    server.close();
  });
  return proxy;
}
