import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { type TransportSocket, TransportSocketSchema } from "../gen/envoy/config/core/v3/base_pb.js";
import {
  type CertificateValidationContextSchema,
  SubjectAltNameMatcher_SanType,
  type SubjectAltNameMatcherSchema,
  TlsParameters_TlsProtocol,
} from "../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import {
  type CommonTlsContextSchema,
  type DownstreamTlsContext,
  DownstreamTlsContextSchema,
  type UpstreamTlsContext,
  UpstreamTlsContextSchema,
} from "../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { type SecretReference, sdsConfig } from "./secrets.ts";

/** A certificate by SDS, which rotates, or from files read once. */
export type CertificateSource = SecretReference | { readonly certificateFile: string; readonly keyFile: string };

/** Authorities by SDS, which rotate, or from a file read once. */
export type TrustSource = SecretReference | { readonly authoritiesFile: string };

/** A name that a peer's certificate must carry. */
export interface PeerName {
  readonly type: "uri" | "dns" | "ip";
  readonly exact: string;
}

export interface PeerTrust {
  readonly authorities: TrustSource;
  /** One of these must be in the certificate. Empty: any certificate of the authorities will do. */
  readonly names: readonly PeerName[];
}

export interface DownstreamTlsOptions {
  readonly certificate: CertificateSource;
  /** Who may connect: a client certificate is then required (mTLS). Unset: anybody. */
  readonly clients?: PeerTrust;
  /** @default ["h2", "http/1.1"]: gRPC needs HTTP/2, browsers and curl may speak either. */
  readonly alpn?: readonly string[];
}

export interface UpstreamTlsOptions {
  /** Certificate shown to the server; unset: none. */
  readonly certificate?: CertificateSource;
  /** Which servers are believed. Required: without it Envoy takes any certificate. */
  readonly servers: PeerTrust;
  /** Name asked for (SNI). @default none: the certificate's name is checked whatever was asked for. */
  readonly serverName?: string;
  /** @default none; "h2" where the cluster speaks HTTP/2 */
  readonly alpn?: readonly string[];
}

/** TLS of a listener. */
export function downstreamTls(options: DownstreamTlsOptions): DownstreamTlsContext {
  const { certificate, clients, alpn = ["h2", "http/1.1"] } = options;
  return create(DownstreamTlsContextSchema, {
    commonTlsContext: commonTls(certificate, clients, alpn),
    requireClientCertificate: clients !== undefined,
    // A resumed session carries on with what was verified at its start, also after a certificate was withdrawn.
    sessionTicketKeysType: { case: "disableStatelessSessionResumption", value: clients !== undefined },
    disableStatefulSessionResumption: clients !== undefined,
  });
}

/** TLS towards the endpoints of a cluster. */
export function upstreamTls(options: UpstreamTlsOptions): UpstreamTlsContext {
  const { certificate, servers, serverName = "", alpn = [] } = options;
  return create(UpstreamTlsContextSchema, {
    commonTlsContext: commonTls(certificate, servers, alpn),
    sni: serverName,
  });
}

export function downstreamTlsSocket(options: DownstreamTlsOptions): TransportSocket {
  return tlsSocket(anyPack(DownstreamTlsContextSchema, downstreamTls(options)));
}

export function upstreamTlsSocket(options: UpstreamTlsOptions): TransportSocket {
  return tlsSocket(anyPack(UpstreamTlsContextSchema, upstreamTls(options)));
}

function tlsSocket(value: Any): TransportSocket {
  const configType = { case: "typedConfig", value } as const;
  return create(TransportSocketSchema, { name: "envoy.transport_sockets.tls", configType });
}

function commonTls(
  certificate: CertificateSource | undefined,
  peers: PeerTrust | undefined,
  alpn: readonly string[],
): MessageInitShape<typeof CommonTlsContextSchema> {
  return {
    alpnProtocols: [...alpn],
    // RFC 8996 withdraws what is older; Envoy's own default for servers, but not for clients.
    tlsParams: { tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2 },
    ...(certificate === undefined ? {} : certificateFields(certificate)),
    ...(peers === undefined ? {} : { validationContextType: validation(peers) }),
  };
}

function certificateFields(source: CertificateSource) {
  if ("name" in source) return { tlsCertificateSdsSecretConfigs: [sdsConfig(source)] };
  const certificateChain = fileSource(source.certificateFile);
  return { tlsCertificates: [{ certificateChain, privateKey: fileSource(source.keyFile) }] };
}

function validation({ authorities, names }: PeerTrust) {
  const fixed: MessageInitShape<typeof CertificateValidationContextSchema> = {
    matchTypedSubjectAltNames: names.map(sanMatcher),
  };
  if (!("name" in authorities)) {
    const value = { ...fixed, trustedCa: fileSource(authorities.authoritiesFile) };
    return { case: "validationContext", value } as const;
  }
  const value = { defaultValidationContext: fixed, validationContextSdsSecretConfig: sdsConfig(authorities) };
  return { case: "combinedValidationContext", value } as const;
}

const sanTypes = {
  uri: SubjectAltNameMatcher_SanType.URI,
  dns: SubjectAltNameMatcher_SanType.DNS,
  ip: SubjectAltNameMatcher_SanType.IP_ADDRESS,
};

function sanMatcher({ type, exact }: PeerName): MessageInitShape<typeof SubjectAltNameMatcherSchema> {
  return { sanType: sanTypes[type], matcher: { matchPattern: { case: "exact", value: exact } } };
}

function fileSource(filename: string) {
  return { specifier: { case: "filename", value: filename } } as const;
}
