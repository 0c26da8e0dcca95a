import { execFileSync, spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../test/support/temporary.ts";
import { envoyProgram } from "../tools/components/programs.ts";
import { ensureCertificates } from "../tools/mesh/certificates/store.ts";
import { containerIdentities } from "./identities.ts";

/** Runs the program; `env` beside the folders. */
function setUp(directory: string, env: Readonly<Record<string, string>> = {}, ...args: string[]) {
  const folders = {
    AUTHORITY_DIR: join(directory, "authority"),
    CERTS_DIR: join(directory, "certs"),
    NATS_DIR: join(directory, "nats"),
  };
  const program = join(import.meta.dirname, "setup.ts");
  return spawnSync(process.execPath, [program, ...args], { env: { ...folders, ...env }, encoding: "utf8" });
}

const pem = (directory: string, name: string, file = "tls.crt") =>
  readFileSync(join(directory, "certs", name, file), "utf8");

test("everybody gets a folder that nobody else may look into", () => {
  const directory = temporaryDirectory("setup");
  expect(setUp(directory).status).toBe(0);
  const isRoot = process.getuid?.() === 0;
  for (const { name, uid } of containerIdentities([])) {
    const folder = join(directory, "certs", name);
    const paths = [folder, ...readdirSync(folder).map((file) => join(folder, file))];
    for (const path of paths) {
      expect(statSync(path).mode & 0o077, path).toBe(0);
      if (isRoot) expect(statSync(path).uid, path).toBe(uid);
    }
    expect(readdirSync(folder)).not.toContain("ca.key");
  }
});

test("Envoy starts with what it finds", () => {
  const directory = temporaryDirectory("setup");
  setUp(directory);
  const file = join(directory, "certs/envoy/bootstrap.json");
  expect(execFileSync(envoyProgram(), ["--mode", "validate", "--config-path", file], { encoding: "utf8" })).toContain(
    "OK",
  );
});

test("the edge is known by the names that the operator says", () => {
  const directory = temporaryDirectory("setup");
  setUp(directory, { EDGE_HOSTS: "shop.example, 192.0.2.7" });
  const certificate = new X509Certificate(pem(directory, "edge"));
  expect(certificate.checkHost("shop.example")).toBe("shop.example");
  expect(certificate.checkIP("192.0.2.7")).toBe("192.0.2.7");
});

test("a second run changes nothing", () => {
  const directory = temporaryDirectory("setup");
  setUp(directory);
  const inode = () => statSync(join(directory, "certs/order/tls.crt")).ino;
  const before = inode();
  expect(setUp(directory).stdout).toBe("authority kept; new certificates: none\n");
  expect(inode()).toBe(before);
});

test("a rotation renews every certificate", () => {
  const directory = temporaryDirectory("setup");
  setUp(directory);
  const before = pem(directory, "nats");
  expect(setUp(directory, {}, "--rotate").stdout).toContain("authority kept; new certificates: edge, envoy, order");
  expect(pem(directory, "nats")).not.toBe(before);
});

test("with a new authority the old one is trusted, too", () => {
  const directory = temporaryDirectory("setup");
  setUp(directory);
  const before = pem(directory, "order", "ca.crt");
  setUp(directory, {}, "--rotate-authority");
  expect(pem(directory, "order", "ca.crt")).toContain(before);
  expect(pem(directory, "order", "ca.crt")).not.toBe(before);
}, 30_000);

test("the operator's own certificate is the edge's, also after a rotation", async () => {
  const directory = temporaryDirectory("setup");
  const own = join(directory, "own");
  await ensureCertificates(own, { identities: [{ name: "shop", kind: "edge", hosts: ["shop.example"] }] });
  const env = { EDGE_CERTIFICATE_FILE: join(own, "shop/tls.crt"), EDGE_KEY_FILE: join(own, "shop/tls.key") };
  setUp(directory, env);
  setUp(directory, env, "--rotate");
  expect(pem(directory, "edge")).toBe(readFileSync(env.EDGE_CERTIFICATE_FILE, "utf8"));
  expect(pem(directory, "edge", "tls.key")).toBe(readFileSync(env.EDGE_KEY_FILE, "utf8"));
});

test("empty files mean that there is none, and half of a pair is refused", () => {
  const directory = temporaryDirectory("setup");
  const empty = join(directory, "none.pem");
  writeFileSync(empty, "");
  expect(setUp(directory, { EDGE_CERTIFICATE_FILE: empty, EDGE_KEY_FILE: empty }).status).toBe(0);
  writeFileSync(join(directory, "own.pem"), "a certificate");
  const half = setUp(directory, { EDGE_CERTIFICATE_FILE: join(directory, "own.pem"), EDGE_KEY_FILE: empty });
  expect(half.status).toBe(1);
  expect(half.stderr).toBe(
    "the edge has a certificate or a key, not both: set EDGE_CERTIFICATE_FILE and EDGE_KEY_FILE\n",
  );
});
