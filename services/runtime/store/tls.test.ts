import { chmodSync } from "node:fs";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { makeCertificates } from "../../../test/support/certificates.ts";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import { startTlsDatabase, type TlsDatabase } from "../../../test/support/tls-servers.ts";
import { startPostgres } from "../../../tools/components/postgres.ts";
import { silent } from "../events/contract/harness.ts";
import type { TlsIdentity } from "../tls/identity.ts";
import { text } from "./column.ts";
import type { Database } from "./database.ts";
import { openDatabase } from "./open-database.ts";

const certificates = await makeCertificates();
const strangers = await makeCertificates();

const kinds = {
  mysql: {
    async administer(url: string, sql: readonly string[]) {
      const connection = await createConnection(url);
      for (const each of sql) await connection.query(each);
      await connection.end();
    },
    /** Its user needs a certificate. */
    prepare: [
      "create database orders",
      "create user shop@'%' identified by 'secret' require x509",
      "grant all on orders.* to shop@'%'",
    ],
    reload: "flush ssl",
    protocol: "show session status like 'Ssl_version'",
  },
  postgres: {
    async administer(url: string, sql: readonly string[]) {
      const client = new pg.Client({ connectionString: `${url}/postgres` });
      await client.connect();
      for (const each of sql) await client.query(each);
      await client.end();
    },
    prepare: ["create database orders", "create user shop password 'secret'"],
    reload: "select pg_reload_conf()",
    protocol: "select client_serial, version from pg_stat_ssl where pid = pg_backend_pid() and client_dn = '/CN=order'",
  },
} as const;

describe.each(["mysql", "postgres"] as const)("%s", (kind) => {
  const { administer, prepare, reload, protocol } = kinds[kind];
  let server: TlsDatabase;
  let order: TlsIdentity;

  beforeAll(async () => {
    server = await startTlsDatabase(kind, certificates);
    await administer(server.url, prepare);
    order = await certificates.identity("order");
  });

  afterAll(async () => {
    order?.close();
    await server?.stop();
  });

  /** The server is somebody else from now to the end of the test. */
  async function become(name: string, own = certificates): Promise<void> {
    server.place(name, own);
    await administer(server.url, [reload]);
    onTestFinished(async () => {
      server.place("database");
      await administer(server.url, [reload]);
    });
    // PostgreSQL reads them soon after it has said so.
    await new Promise((resolve) => setTimeout(resolve, 300));
  }

  async function open(host = "127.0.0.1", tls: TlsIdentity | undefined = order, more = ""): Promise<Database> {
    const { protocol: scheme, port } = new URL(server.url);
    const url = `${scheme}//shop:secret@${host}:${port}/orders${more}`;
    const database = await openDatabase({ service: "order", url, dataDir: "", log: silent, tls });
    onTestFinished(() => database.close());
    return database;
  }

  test.each(["127.0.0.1", "localhost"])("connections to %s are TLS, and show our certificate", async (host) => {
    const database = await open(host);
    const [row] = await database.read.all(protocol);
    expect(JSON.stringify(row)).toMatch(/TLSv1\.[23]/);
  });

  test.each(["127.0.0.1", "localhost"])("a server that has no certificate for %s is not talked to", async (host) => {
    await become("order");
    await expect(open(host)).rejects.toThrow("TLS with it fails");
  });

  test("a server of another authority is not talked to", async () => {
    await become("database", strangers);
    await expect(open()).rejects.toThrow("TLS with it fails");
  });

  test("sslmode=verify-full checks the server's name, too", async () => {
    await become("order");
    const mode = `?sslmode=verify-full&sslrootcert=${encodeURIComponent(certificates.files("order").ca)}`;
    for (const host of ["127.0.0.1", "localhost"]) {
      await expect(open(host, undefined, mode)).rejects.toThrow("cannot open the database");
    }
  });

  test("new connections show a new certificate", async () => {
    const own = await certificates.identity("order");
    onTestFinished(() => own.close());
    const database = await open("127.0.0.1", own);
    const before = own.current.cert;
    const [seen] = await database.read.all(protocol);
    await certificates.rotate();
    server.place("database");
    await administer(server.url, [reload]);
    await expect.poll(() => own.current.cert).not.toBe(before);
    // A pool opens another connection only while others are busy.
    const several = () => Promise.all(Array.from({ length: 5 }, () => database.read.all(protocol)));
    expect((await several()).flat()).toHaveLength(5);
    // MariaDB does not tell with which certificate.
    if (kind === "mysql") return;
    const serials = new Set([text(seen?.client_serial)]);
    await expect
      .poll(async () => {
        for (const row of (await several()).flat()) serials.add(text(row.client_serial));
        return serials.size;
      })
      .toBe(2);
  });
});

test("a server without TLS is not talked to where TLS was asked for", async () => {
  const order = await certificates.identity("order");
  onTestFinished(() => order.close());
  const directory = temporaryDirectory("plain");
  chmodSync(directory, 0o711);
  const server = await startPostgres(directory);
  onTestFinished(() => server.stop());
  const url = `${server.url}/postgres`;
  await expect(openDatabase({ service: "order", url, dataDir: "", log: silent, tls: order })).rejects.toThrow(
    "TLS with it fails",
  );
});
