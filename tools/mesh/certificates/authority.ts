import type { KeyObject, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
// The library's decorators need it, and must find it when they are loaded.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { type Identity, identityUri } from "./identities.ts";

/** A certificate and its private key, PEM. */
export interface KeyedCertificate {
  readonly certificate: string;
  readonly key: string;
}

const dayMs = 86_400_000;
/** So long are the certificates of this size of mesh: one rotation a quarter, and a stolen key is no use for ever. */
const leafDays = 90;
const authorityDays = 365;
/** Clocks of peers differ by so much (milliseconds). */
const clockSkewMs = 5 * 60_000;

const algorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" } as const;

/** Makes a certificate authority of one's own, whose key signs nothing but certificates of leaves (RFC 5280, section 4.2.1). */
export async function makeAuthority(now = Date.now()): Promise<KeyedCertificate> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // The name tells authorities apart: verifiers find an issuer by it.
    name: `CN=ordermesh development ${new Date(now).toISOString()}`,
    keys,
    signingAlgorithm,
    notBefore: new Date(now - clockSkewMs),
    notAfter: new Date(now + authorityDays * dayMs),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate.toString("pem")), key: await exportKey(keys.privateKey) };
}

/** A certificate for an identity with a new key. Inside, everybody is server and client; the edge is a server only. */
export async function issueCertificate(
  authority: KeyedCertificate,
  identity: Identity,
  now = Date.now(),
): Promise<KeyedCertificate> {
  const keys = await newKeys();
  const issuer = new x509.X509Certificate(authority.certificate);
  const usages = [
    x509.ExtendedKeyUsage.serverAuth,
    ...(identity.kind === "inside" ? [x509.ExtendedKeyUsage.clientAuth] : []),
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${identity.name}`,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm,
    notBefore: new Date(now - clockSkewMs),
    notAfter: new Date(Math.min(now + leafDays * dayMs, issuer.notAfter.getTime())),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      new x509.SubjectAlternativeNameExtension(alternativeNames(identity)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: pem(certificate.toString("pem")), key: await exportKey(keys.privateKey) };
}

/** Whether an authority will still be valid for a whole leaf's life. */
export function outlivesLeaves(certificate: X509Certificate, now = Date.now()): boolean {
  return certificate.validToDate.getTime() > now + leafDays * dayMs;
}

/**
 * Whether a leaf can stay: of this authority and for this identity, with its own key, and a third of its life ahead, in which
 * somebody notices where renewing fails.
 */
export function isUsableLeaf(
  leaf: X509Certificate,
  key: KeyObject,
  identity: Identity,
  authority: X509Certificate,
  now = Date.now(),
): boolean {
  const names = leaf.subjectAltName ?? "";
  const uri = identityUri(identity);
  return (
    leaf.checkPrivateKey(key) &&
    leaf.checkIssued(authority) &&
    leaf.verify(authority.publicKey) &&
    leaf.validToDate.getTime() > now + (leafDays / 3) * dayMs &&
    (uri === undefined ? !names.includes("URI:") : names.split(", ").includes(`URI:${uri}`)) &&
    identity.hosts.every((host) => (isIP(host) > 0 ? leaf.checkIP(host) : leaf.checkHost(host)) !== undefined)
  );
}

function alternativeNames(identity: Identity): x509.JsonGeneralNames {
  const uri = identityUri(identity);
  const hosts = identity.hosts.map((value) => ({ type: isIP(value) > 0 ? ("ip" as const) : ("dns" as const), value }));
  return uri === undefined ? hosts : [{ type: "url", value: uri }, ...hosts];
}

function newKeys() {
  return crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function exportKey(key: CryptoKey): Promise<string> {
  return pem(x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY"));
}

function importKey(key: string): Promise<CryptoKey> {
  const [der] = x509.PemConverter.decode(key);
  return crypto.subtle.importKey("pkcs8", der ?? new ArrayBuffer(0), algorithm, false, ["sign"]);
}

function pem(text: string): string {
  return `${text.trimEnd()}\n`;
}
