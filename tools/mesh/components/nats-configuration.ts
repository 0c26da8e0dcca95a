import { deadLetterStream } from "@ordermesh/runtime/events/dead-letters.ts";
import { attemptStream } from "@ordermesh/runtime/events/jetstream-attempts.ts";
import { peerUri } from "@ordermesh/runtime/tls/peer-name.ts";
import type { CertificateFiles } from "../certificates/store.ts";

export interface NatsConfigurationOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** Port on loopback that tells without a certificate whether the server is healthy. Default: none. */
  readonly monitorPort?: number;
  /** Folder of the streams. */
  readonly store: string;
  readonly files: CertificateFiles;
  /** Whether an acknowledged message is on the disk; servers before 2.10 cannot promise it. */
  readonly syncs: boolean;
}

/** Every stream and consumer of JetStream, and the answers. */
const jetStream = ["$JS.API.>", "$JS.ACK.>", "$JS.FC.>", "_INBOX.>"];
/** What registering and watching instances needs. */
const registry = ["$JS.API.INFO", "$JS.API.STREAM.*.KV_MESH_REGISTRY", "$JS.API.DIRECT.GET.KV_MESH_REGISTRY.>"];
const registryStream = ["$JS.API.STREAM.MSG.GET.KV_MESH_REGISTRY", "$KV.MESH_REGISTRY.>", "_INBOX.>"];

/** Of the event bus's own streams. */
const busSubjects = [...deadLetterStream.subjects, ...attemptStream.subjects];

/** What each identity may publish; all may hear their own answers and what they ask a stream for. */
const rights: Readonly<Record<string, readonly string[]>> = {
  order: [...jetStream, "seckill.>", "ordermesh.>", ...busSubjects, "$KV.MESH_REGISTRY.>"],
  gateway: [...registry, ...registryStream],
  mesh: [...registry, ...registryStream],
  operator: [">"],
};

/**
 * NATS's own acknowledgement says that a message is in the system's page cache; by default it is on the disk up to two minutes
 * later. Our outbox forgets an event once it is acknowledged, so the acknowledgement has to mean the disk.
 * Clients are known by their certificates alone, and each may do what its program needs.
 */
export function natsConfiguration({ listen, monitorPort, store, files, syncs }: NatsConfigurationOptions): string {
  const text = (value: string) => JSON.stringify(value);
  const users = Object.entries(rights).map(([name, subjects]) => {
    const heard = name === "operator" ? [">"] : ["_INBOX.>", "$KV.MESH_REGISTRY.>"];
    const permissions = `{ publish: ${JSON.stringify(subjects)}, subscribe: ${JSON.stringify(heard)} }`;
    return `    { user: ${text(peerUri(name))}, permissions: ${permissions} }`;
  });
  return `server_name: ordermesh
listen: ${text(`${listen.host}:${listen.port}`)}
${monitorPort === undefined ? "" : `http: "127.0.0.1:${monitorPort}"\n`}max_payload: 1MB
jetstream {
  store_dir: ${text(store)}
${syncs ? "  sync_interval: always\n" : ""}}
tls {
  cert_file: ${text(files.cert)}
  key_file: ${text(files.key)}
  ca_file: ${text(files.ca)}
  verify_and_map: true
  timeout: 5
}
authorization {
  users: [
${users.join("\n")}
  ]
}
`;
}
