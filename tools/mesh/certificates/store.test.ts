import { X509Certificate } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, createServer, type TLSSocket } from "node:tls";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import { certificateFiles, ensureCertificates } from "./store.ts";

const day = 86_400_000;

function certificateOf(directory: string, name: string): X509Certificate {
  return new X509Certificate(readFileSync(certificateFiles(directory, name).cert));
}

test("a service's certificate has its SPIFFE ID and no host name that another could be taken for", async () => {
  const directory = temporaryDirectory("certificates");
  await ensureCertificates(directory);
  expect(certificateOf(directory, "order").subjectAltName).toBe("URI:spiffe://ordermesh.local/order");
});

test("the edge's certificate is for clients outside and opens no door inside", async () => {
  const directory = temporaryDirectory("certificates");
  await ensureCertificates(directory);
  const edge = certificateOf(directory, "edge");
  expect(edge.checkHost("localhost")).toBe("localhost");
  expect(edge.checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(edge.subjectAltName).not.toContain("URI:");
  expect(edge.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
});

test("certificates are valid for 90 days, their authority for a year", async () => {
  const directory = temporaryDirectory("certificates");
  const now = Date.now();
  await ensureCertificates(directory, { now });
  const lifeDays = (certificate: X509Certificate) => Math.round((certificate.validToDate.getTime() - now) / day);
  expect(lifeDays(certificateOf(directory, "order"))).toBe(90);
  expect(lifeDays(new X509Certificate(readFileSync(join(directory, "ca.crt"))))).toBe(365);
});

test("keys are readable by their owner alone", async () => {
  const directory = temporaryDirectory("certificates");
  await ensureCertificates(directory);
  for (const key of [join(directory, "ca.key"), certificateFiles(directory, "order").key]) {
    expect(statSync(key).mode & 0o777).toBe(0o600);
  }
});

test.each([
  ["ca.key", ""],
  ["ca.key", "no key"],
  ["ca.crt", "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n"],
])("a spoilt %s is mended by a new authority", async (file, content) => {
  const directory = temporaryDirectory("certificates");
  await ensureCertificates(directory);
  writeFileSync(join(directory, file), content);
  const { authority, made, kept } = await ensureCertificates(directory);
  expect(authority).toBe("made");
  expect(made).toContain("order");
  expect(kept).toEqual([]);
});

test("what is good stays", async () => {
  const directory = temporaryDirectory("certificates");
  await ensureCertificates(directory);
  const before = certificateOf(directory, "order").serialNumber;
  const report = await ensureCertificates(directory);
  expect(report).toMatchObject({ authority: "kept", made: [] });
  expect(certificateOf(directory, "order").serialNumber).toBe(before);
});

test("what expires within a month is renewed", async () => {
  const directory = temporaryDirectory("certificates");
  await ensureCertificates(directory, { now: Date.now() - 61 * day });
  const report = await ensureCertificates(directory);
  expect(report.authority).toBe("kept");
  expect(report.made).toContain("order");
});

test("a damaged certificate is replaced", async () => {
  const directory = temporaryDirectory("certificates");
  await ensureCertificates(directory);
  writeFileSync(certificateFiles(directory, "order").cert, "not a certificate");
  expect((await ensureCertificates(directory)).made).toEqual(["order"]);
});

test("rotation makes new certificates below the same authority", async () => {
  const directory = temporaryDirectory("certificates");
  await ensureCertificates(directory);
  const before = certificateOf(directory, "order");
  const report = await ensureCertificates(directory, { rotate: "certificates" });
  expect(report).toMatchObject({ authority: "kept", kept: [] });
  expect(certificateOf(directory, "order").serialNumber).not.toBe(before.serialNumber);
  expect(certificateOf(directory, "order").issuer).toBe(before.issuer);
});

test("everybody trusts a new authority before its first certificate is out, and the old one still", async () => {
  const directory = temporaryDirectory("certificates");
  await ensureCertificates(directory);
  const before = certificateOf(directory, "order").serialNumber;
  let duringSettle = "";
  await ensureCertificates(directory, {
    rotate: "authority",
    settle: async () => {
      duringSettle = certificateOf(directory, "order").serialNumber;
    },
  });
  const bundle = readFileSync(certificateFiles(directory, "order").ca, "utf8");
  expect(duringSettle).toBe(before);
  expect(bundle.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
});

test("an authority that would not outlive its leaves is followed by a new one", async () => {
  const directory = temporaryDirectory("certificates");
  await ensureCertificates(directory, { now: Date.now() - 300 * day });
  expect((await ensureCertificates(directory)).authority).toBe("made");
});

test("two identities shake hands with each other", async () => {
  const directory = temporaryDirectory("certificates");
  await ensureCertificates(directory);
  const material = (name: string) => {
    const { cert, key, ca } = certificateFiles(directory, name);
    return { cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(ca) };
  };
  const server = createServer({ ...material("nats"), requestCert: true, rejectUnauthorized: true });
  const caller = new Promise<string | undefined>((resolve) => {
    server.once("secureConnection", (socket: TLSSocket) => resolve(socket.getPeerX509Certificate()?.subjectAltName));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const client = connect({ ...material("order"), host: "127.0.0.1", port });
  expect(await caller).toBe("URI:spiffe://ordermesh.local/order");
  client.destroy();
  server.close();
});
