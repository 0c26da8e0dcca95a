import { readFileSync } from "node:fs";
import { openTlsIdentity, type TlsFiles, type TlsIdentity, type TlsMaterial } from "@ordermesh/runtime/tls/identity.ts";
import { pino } from "pino";
import { certificateFiles, ensureCertificates } from "../../tools/mesh/certificates/store.ts";
import { temporaryDirectory } from "./temporary.ts";

/** The certificates of a mesh of the test's own: every name of `meshIdentities`, below one authority. */
export interface TestCertificates {
  files(name: string): TlsFiles;
  /** For options of `node:tls`. */
  material(name: string): TlsMaterial;
  /** As a process has it; its files are looked at ten times a second. */
  identity(name: string): Promise<TlsIdentity>;
  /** New certificates below the same authority. */
  rotate(): Promise<void>;
}

/** `now` (epoch milliseconds): when they were made. */
export async function makeCertificates(now?: number): Promise<TestCertificates> {
  const directory = temporaryDirectory("certificates");
  await ensureCertificates(directory, { now });
  const files = (name: string) => certificateFiles(directory, name);
  return {
    files,
    material(name) {
      const { cert, key, ca } = files(name);
      const read = (file: string) => readFileSync(file, "utf8");
      return { cert: read(cert), key: read(key), ca: read(ca) };
    },
    identity: (name) => openTlsIdentity(files(name), { log: pino({ level: "silent" }), periodMs: 100 }),
    rotate: async () => void (await ensureCertificates(directory, { rotate: "certificates", now })),
  };
}
