import { chmodSync, chownSync, copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TlsFiles } from "@ordermesh/runtime/tls/identity.ts";
import { type DatabaseServer, startMariadb } from "../../tools/components/mariadb.ts";
import { startPostgres } from "../../tools/components/postgres.ts";
import { unprivilegedOwner } from "../../tools/components/process.ts";
import type { TestCertificates } from "./certificates.ts";
import { startNats, type TestNats } from "./nats.ts";
import { temporaryDirectory } from "./temporary.ts";

/** A private database server that speaks TLS. */
export interface TlsDatabase extends DatabaseServer {
  /** Puts another identity's files where the server reads them, once it is told to. */
  place(name: string, from?: TestCertificates): void;
}

/** Starts MariaDB or PostgreSQL as the identity `database`; it asks for certificates of clients, and takes those without, too. */
export async function startTlsDatabase(kind: "mysql" | "postgres", own: TestCertificates): Promise<TlsDatabase> {
  const directory = temporaryDirectory("tls");
  // The server runs as another user when we are root.
  chmodSync(directory, 0o711);
  mkdirSync(join(directory, "certificates"), { mode: 0o711 });
  const at = (file: string) => join(directory, "certificates", file);
  const files: TlsFiles = { cert: at("tls.crt"), key: at("tls.key"), ca: at("ca.crt") };

  function place(name: string, from = own): void {
    const owner = unprivilegedOwner(kind);
    for (const part of ["cert", "key", "ca"] as const) {
      copyFileSync(from.files(name)[part], files[part]);
      chmodSync(files[part], 0o600);
      if (owner) chownSync(files[part], owner.uid, owner.gid);
    }
  }

  place("database");
  const { cert, key, ca } = files;
  const server =
    kind === "mysql"
      ? await startMariadb(directory, [`--ssl-cert=${cert}`, `--ssl-key=${key}`, `--ssl-ca=${ca}`])
      : await startPostgres(directory, ["ssl=on", `ssl_cert_file=${cert}`, `ssl_key_file=${key}`, `ssl_ca_file=${ca}`]);
  return { ...server, place };
}

/** Starts a NATS server with this identity that takes only clients with a certificate. Its `url` is `tls://`. */
export async function startTlsNats(name: string, own: TestCertificates, binary?: string): Promise<TestNats> {
  const { cert, key, ca } = own.files(name);
  const settings = ["--tls", `--tlscert=${cert}`, `--tlskey=${key}`, `--tlscacert=${ca}`, "--tlsverify"];
  const nats = await startNats({ binary, settings });
  return Object.create(nats, { url: { value: nats.url.replace("nats:", "tls:") } });
}
