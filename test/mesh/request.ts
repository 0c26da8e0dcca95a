import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import type { TestMesh } from "./mesh.ts";

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RequestOptions {
  /** Default GET, or POST with a body. */
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

/** One HTTP/1.1 request to the edge, on a connection of its own; the path goes out as it is. */
export function request(
  { edgePort, ca }: Pick<TestMesh, "edgePort" | "ca">,
  path: string,
  options: RequestOptions = {},
): Promise<Reply> {
  const { body, method = body === undefined ? "GET" : "POST", headers } = options;
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({ host: "localhost", port: edgePort, ca, path, method, headers, agent: false });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text });
      });
    });
    outgoing.end(body);
  });
}
