import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { ApiVersion } from "../gen/envoy/config/core/v3/config_source_pb.js";
import {
  type SdsSecretConfigSchema,
  type Secret,
  SecretSchema,
} from "../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { type DiscoveryResponse, DiscoveryResponseSchema } from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import { overAds } from "./values.ts";

/** A secret by name: in a file that Envoy watches, or, without one, over the xDS stream. */
export interface SecretReference {
  readonly name: string;
  /** Path of a file as `secretsFile` makes it. Keys then never travel over xDS. */
  readonly file?: string;
}

/** How Envoy gets a secret it is referred to. */
export function sdsConfig({ name, file }: SecretReference): MessageInitShape<typeof SdsSecretConfigSchema> {
  if (file === undefined) return { name, sdsConfig: overAds };
  const source = { case: "pathConfigSource", value: { path: file } } as const;
  return { name, sdsConfig: { resourceApiVersion: ApiVersion.V3, configSourceSpecifier: source } };
}

/**
 * A certificate with its key, read from files. Envoy reads them anew when a file is renamed into `directory`: write new
 * ones under other names first, so that it never sees half of a pair.
 */
export function certificateSecret(
  name: string,
  files: { readonly certificate: string; readonly key: string; readonly directory: string },
): Secret {
  const value = {
    certificateChain: fileSource(files.certificate),
    privateKey: fileSource(files.key),
    watchedDirectory: { path: files.directory },
  };
  return create(SecretSchema, { name, type: { case: "tlsCertificate", value } });
}

/** Certificates of the authorities to trust, read from a file, and again as for `certificateSecret`. */
export function trustSecret(name: string, files: { readonly authorities: string; readonly directory: string }): Secret {
  const value = { trustedCa: fileSource(files.authorities), watchedDirectory: { path: files.directory } };
  return create(SecretSchema, { name, type: { case: "validationContext", value } });
}

/** Content of an SDS file, to be written as YAML or JSON (`renderJson`). */
export function secretsFile(secrets: readonly Secret[]): DiscoveryResponse {
  return create(DiscoveryResponseSchema, { resources: secrets.map((secret) => anyPack(SecretSchema, secret)) });
}

function fileSource(filename: string) {
  return { specifier: { case: "filename", value: filename } } as const;
}
