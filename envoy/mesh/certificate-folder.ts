import { join } from "node:path";
import { toJsonString } from "@bufbuild/protobuf";
import { certificateSecret, type SecretReference, secretsFile, trustSecret } from "../builders/secrets.ts";
import type { Secret } from "../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { DiscoveryResponseSchema } from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import { envoyTypes } from "../types.ts";

/**
 * Envoy's secrets from a folder with `tls.crt`, `tls.key` and `ca.crt`: it reads them when they are moved into it, so that
 * they rotate without a restart and never travel over xDS. Beside them lie the files that tell Envoy so.
 */
export interface CertificateFolder {
  readonly certificate: SecretReference;
  readonly authorities: SecretReference;
  /** Path and content of the files to be written once, by whoever owns the folder. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

/** `directory` as Envoy sees it. */
export function certificateFolder(directory: string): CertificateFolder {
  const at = (name: string) => join(directory, name);
  const certificate = { name: "certificate", file: at("certificate.sds.json") };
  const authorities = { name: "authorities", file: at("authorities.sds.json") };
  return {
    certificate,
    authorities,
    files: [
      {
        path: certificate.file,
        text: text(certificateSecret(certificate.name, { certificate: at("tls.crt"), key: at("tls.key"), directory })),
      },
      {
        path: authorities.file,
        text: text(trustSecret(authorities.name, { authorities: at("ca.crt"), directory })),
      },
    ],
  };
}

function text(secret: Secret): string {
  return `${toJsonString(DiscoveryResponseSchema, secretsFile([secret]), { registry: envoyTypes, prettySpaces: 2 })}\n`;
}
