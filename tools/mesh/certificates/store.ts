import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { issueCertificate, isUsableLeaf, type KeyedCertificate, makeAuthority, outlivesLeaves } from "./authority.ts";
import { type Identity, meshIdentities } from "./identities.ts";

/** Files of one identity. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** The authorities: the mesh's own, and for a while the one before it. */
  readonly ca: string;
}

export interface CertificateOptions {
  readonly identities?: readonly Identity[];
  /**
   * - `certificates`: new ones for everybody.
   * - `authority`: a new authority, too; the old one is trusted until it expires.
   */
  readonly rotate?: "certificates" | "authority";
  /** Called between telling everybody of a new authority and its first certificate: time for them to read it. */
  readonly settle?: () => Promise<void>;
  /** Epoch milliseconds. */
  readonly now?: number;
}

export interface CertificateReport {
  readonly authority: "made" | "kept";
  /** Names of the identities with new certificates. */
  readonly made: readonly string[];
  readonly kept: readonly string[];
}

/** Where the files of an identity are below the folder of all certificates. */
export function certificateFiles(directory: string, name: string): CertificateFiles {
  const at = (file: string) => join(directory, name, file);
  return { cert: at("tls.crt"), key: at("tls.key"), ca: at("ca.crt") };
}

/**
 * Makes what is missing below `directory` and renews what does not fit or expires within a month; what is good stays. Every
 * file appears complete, and keys are readable by their owner alone. A reader may find a new key beside an old certificate
 * for a moment, and has to look again.
 */
export async function ensureCertificates(
  directory: string,
  { identities = meshIdentities, rotate, settle, now = Date.now() }: CertificateOptions = {},
): Promise<CertificateReport> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { authority, trusted, isNew } = await ensureAuthority(directory, rotate === "authority", now);
  const bundle = trusted.join("");
  for (const { name } of identities) {
    mkdirSync(join(directory, name), { recursive: true, mode: 0o700 });
    replaceFile(certificateFiles(directory, name).ca, bundle);
  }
  if (isNew && trusted.length > 1) await settle?.();

  const made: string[] = [];
  const kept: string[] = [];
  for (const identity of identities) {
    const files = certificateFiles(directory, identity.name);
    if (rotate === undefined && hasUsableLeaf(files, identity, authority, now)) {
      kept.push(identity.name);
      continue;
    }
    const { certificate, key } = await issueCertificate(authority, identity, now);
    replaceFile(files.key, key);
    replaceFile(files.cert, certificate);
    made.push(identity.name);
  }
  return { authority: isNew ? "made" : "kept", made, kept };
}

/** The authority that signs, and the certificates of all that are to be trusted, the signing one first. */
async function ensureAuthority(directory: string, rotate: boolean, now: number) {
  const files = { cert: join(directory, "ca.crt"), key: join(directory, "ca.key") };
  const known = readAuthorities(files.cert).filter(
    (pem) => (readable(() => new X509Certificate(pem))?.validToDate.getTime() ?? 0) > now,
  );
  const [current] = known;
  if (!rotate && current !== undefined && outlivesLeaves(new X509Certificate(current), now)) {
    const key = readIfThere(files.key);
    if (key !== undefined && readable(() => new X509Certificate(current).checkPrivateKey(createPrivateKey(key)))) {
      return { authority: { certificate: current, key }, trusted: known, isNew: false };
    }
  }
  const authority = await makeAuthority(now);
  const trusted = [authority.certificate, ...known];
  replaceFile(files.key, authority.key);
  replaceFile(files.cert, trusted.join(""));
  return { authority, trusted, isNew: true };
}

function readAuthorities(file: string): string[] {
  const pattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g;
  return [...(readIfThere(file) ?? "").matchAll(pattern)].map(([pem]) => pem);
}

function hasUsableLeaf(files: CertificateFiles, identity: Identity, authority: KeyedCertificate, now: number): boolean {
  const certificate = readIfThere(files.cert);
  const key = readIfThere(files.key);
  if (certificate === undefined || key === undefined) return false;
  const issuer = new X509Certificate(authority.certificate);
  const isUsable = () => isUsableLeaf(new X509Certificate(certificate), createPrivateKey(key), identity, issuer, now);
  return readable(isUsable) ?? false;
}

/** Undefined for what is no certificate or no key: somebody's mistake, or a disk's, which a new one mends. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Writes a file that only its owner reads, in one step: readers see the old content or the new one. Unchanged content stays untouched. */
export function replaceFile(path: string, content: string): void {
  if (readIfThere(path) === content) return;
  const temporary = `${path}.new`;
  writeFileSync(temporary, content, { mode: 0o600 });
  renameSync(temporary, path);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
