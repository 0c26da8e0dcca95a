import { readFileSync } from "node:fs";
import { request } from "node:https";
import type { PeerCertificate } from "node:tls";
import { peerNameOf } from "@ordermesh/runtime/tls/peer-name.ts";
import type { CertificateFiles } from "../certificates/store.ts";

export interface HttpsRequest {
  readonly url: string;
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Who asks, and whom it trusts. The certificate is left out where `peer` is undefined: outside nobody wants one. */
  readonly files: CertificateFiles;
  /** Who must answer, by its SPIFFE ID; undefined: whoever has a certificate for the URL's host. */
  readonly peer?: string;
  readonly timeoutMs?: number;
}

export interface HttpsReply {
  readonly status: number;
  readonly body: string;
}

/** One request on a connection of its own, with the certificates as they are now. Rejects when there is no reply. */
export function askHttps(options: HttpsRequest): Promise<HttpsReply> {
  const { url, method = "GET", headers, body, files, peer, timeoutMs = 3_000 } = options;
  return new Promise((resolve, reject) => {
    const mutual = peer !== undefined && {
      cert: readFileSync(files.cert),
      key: readFileSync(files.key),
      checkServerIdentity: (_host: string, { subjectaltname }: PeerCertificate) => refuse(subjectaltname, peer),
    };
    const outgoing = request(url, {
      method,
      headers: { ...headers, connection: "close" },
      agent: false,
      ca: readFileSync(files.ca),
      ...mutual,
      signal: AbortSignal.timeout(timeoutMs),
    });
    outgoing.once("error", reject);
    outgoing.once("response", (reply) => {
      let text = "";
      reply.setEncoding("utf8");
      reply.on("data", (chunk: string) => {
        text += chunk;
      });
      reply.once("error", reject);
      reply.once("end", () => resolve({ status: reply.statusCode ?? 0, body: text }));
    });
    outgoing.end(body);
  });
}

function refuse(subjectAltName: string | undefined, peer: string): Error | undefined {
  const name = peerNameOf(subjectAltName);
  return name === peer ? undefined : new Error(`the server is ${name ?? "nobody of the mesh"}, not ${peer}`);
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
