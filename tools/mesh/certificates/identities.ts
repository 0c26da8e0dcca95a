import { peerUri } from "@ordermesh/runtime/tls/peer-name.ts";

/** Somebody who gets a certificate. */
export interface Identity {
  /** Folder of the files, and the name in `spiffe://ordermesh.local/<name>`. */
  readonly name: string;
  /**
   * - `inside`: may call and be called within the mesh, by its SPIFFE ID.
   * - `edge`: what the world sees; it opens no door inside.
   */
  readonly kind: "inside" | "edge";
  /** DNS names and addresses that clients know the server by. Few have them: whoever has `localhost` may pass for any server on it. */
  readonly hosts: readonly string[];
}

const localHosts = ["localhost", "127.0.0.1", "::1"];

/** Everybody in the mesh. `operator` stands for the supervisor and the people at its commands. */
export const meshIdentities: readonly Identity[] = [
  { name: "edge", kind: "edge", hosts: localHosts },
  { name: "nats", kind: "inside", hosts: localHosts },
  { name: "database", kind: "inside", hosts: localHosts },
  ...["envoy", "mesh", "gateway", "order", "operator"].map((name): Identity => ({ name, kind: "inside", hosts: [] })),
];

/** The SPIFFE ID in the certificate; undefined for one that has none. */
export function identityUri({ name, kind }: Identity): string | undefined {
  return kind === "inside" ? peerUri(name) : undefined;
}
