import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { makeCertificates } from "../../../test/support/certificates.ts";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import { StartupError } from "../lifecycle/startup-error.ts";
import { recordingLog } from "../rpc/testing/echo.ts";
import { openTlsIdentity, type TlsFiles } from "./identity.ts";

const certificates = await makeCertificates();

async function open(files: TlsFiles) {
  const { log, lines } = recordingLog();
  const identity = await openTlsIdentity(files, { log, periodMs: 50 });
  onTestFinished(() => identity.close());
  return { identity, lines };
}

/** A folder with copies of an identity's files. */
function copies(name: string): TlsFiles {
  const directory = temporaryDirectory("identity");
  const to = { cert: join(directory, "tls.crt"), key: join(directory, "tls.key"), ca: join(directory, "ca.crt") };
  for (const part of ["cert", "key", "ca"] as const) copyFileSync(certificates.files(name)[part], to[part]);
  return to;
}

function replace(file: string, content: string): void {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}

test("a new pair is read, and told to who wants to know", async () => {
  const files = copies("order");
  const { identity } = await open(files);
  let told = 0;
  identity.onChange(() => (told += 1));
  const next = certificates.material("gateway");
  replace(files.key, next.key);
  replace(files.cert, next.cert);
  await expect.poll(() => identity.current.cert).toBe(next.cert);
  expect(identity.current.key).toBe(next.key);
  expect(told).toBe(1);
});

test("a pair that does not fit changes nothing and is told once; what fits later is read", async () => {
  const files = copies("order");
  const { identity, lines } = await open(files);
  const before = identity.current;
  const next = certificates.material("gateway");
  replace(files.cert, next.cert);
  await expect.poll(() => lines.filter((line) => line.level === "error").length).toBe(1);
  await sleep(300);
  expect(lines.filter((line) => line.level === "error")).toHaveLength(1);
  expect(identity.current).toBe(before);
  replace(files.key, next.key);
  await expect.poll(() => identity.current.cert).toBe(next.cert);
});

test("files that go away change nothing", async () => {
  const files = copies("order");
  const { identity, lines } = await open(files);
  const before = identity.current;
  rmSync(files.key);
  await expect.poll(() => lines.some((line) => line.level === "error")).toBe(true);
  expect(identity.current).toBe(before);
});

test("a mounted secret of Kubernetes changes by one symbolic link above its files", async () => {
  const directory = temporaryDirectory("mounted");
  const version = (name: string, identity: string) => {
    mkdirSync(join(directory, name));
    const from = certificates.files(identity);
    copyFileSync(from.cert, join(directory, name, "tls.crt"));
    copyFileSync(from.key, join(directory, name, "tls.key"));
    copyFileSync(from.ca, join(directory, name, "ca.crt"));
  };
  version("..2026_1", "order");
  symlinkSync("..2026_1", join(directory, "..data"));
  for (const file of ["tls.crt", "tls.key", "ca.crt"]) symlinkSync(join("..data", file), join(directory, file));
  const files = { cert: join(directory, "tls.crt"), key: join(directory, "tls.key"), ca: join(directory, "ca.crt") };
  const { identity } = await open(files);
  version("..2026_2", "gateway");
  symlinkSync("..2026_2", join(directory, "..data_tmp"));
  renameSync(join(directory, "..data_tmp"), join(directory, "..data"));
  await expect.poll(() => identity.current.cert).toBe(certificates.material("gateway").cert);
});

test.each([
  ["a key of another certificate", () => ({ ...copies("order"), key: certificates.files("gateway").key }), "mismatch"],
  ["a missing file", () => ({ ...copies("order"), ca: "/nowhere/ca.crt" }), "/nowhere/ca.crt"],
  ["a file that is no PEM", () => ({ ...copies("order"), ca: import.meta.filename }), "is not a PEM file"],
])("a start with %s says so", async (_, files, said) => {
  const error: unknown = await open(files()).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StartupError);
  expect(String(error)).toContain(said);
});
