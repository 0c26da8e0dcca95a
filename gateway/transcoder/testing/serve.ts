import { createServer, request as httpRequest, type IncomingHttpHeaders, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { onTestFinished } from "vitest";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface TestServer {
  readonly port: number;
  /** Sends a request as it is written: nothing normalises its path. */
  send(request: string, options?: { headers?: Record<string, string>; body?: string | Uint8Array }): Promise<Answer>;
  /** Sends bytes and reads until the server closes, or sends nothing more for a while. */
  raw(bytes: string | Uint8Array): Promise<string>;
}

/** Serves on a free loopback port until the test ends. */
export async function serve(listener: RequestListener): Promise<TestServer> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;

  return {
    port,
    send(request, { headers, body } = {}) {
      const [method = "", path = ""] = request.split(/ (.*)/s);
      return new Promise((resolve, reject) => {
        // Node announces no length for the body of a GET: the server would read it as the next request.
        const length =
          body === undefined || headers?.["transfer-encoding"] ? {} : { "content-length": byteLength(body) };
        const all = { ...length, ...headers };
        const outgoing = httpRequest({ host: "127.0.0.1", port, method, path, headers: all }, (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
          incoming.on("end", () =>
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              body: Buffer.concat(chunks).toString("utf8"),
            }),
          );
          incoming.on("error", reject);
        });
        outgoing.on("error", reject);
        outgoing.end(body);
      });
    },
    raw(bytes) {
      return new Promise((resolve, reject) => {
        const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
        let text = "";
        socket.setTimeout(300, () => socket.destroy());
        socket.on("data", (chunk: Buffer) => {
          text += chunk.toString("latin1");
        });
        socket.on("error", reject);
        socket.on("close", () => resolve(text));
      });
    },
  };
}

function byteLength(body: string | Uint8Array): number {
  return typeof body === "string" ? Buffer.byteLength(body) : body.length;
}
