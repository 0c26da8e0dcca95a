import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/temporary.ts";
import { debianArchive } from "./debian-archive.ts";

/** A folder like /etc with the given files below it. */
function etc(files: Readonly<Record<string, string>>): string {
  const folder = temporaryDirectory("etc");
  mkdirSync(join(folder, "apt/sources.list.d"), { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
  return folder;
}

const bookworm = 'NAME="Debian"\nID=debian\nVERSION_CODENAME=bookworm\n';
const vendor = "Types: deb\nURIs: https://vendor.example/apt\nSuites: nodistro\nComponents: main\n";
const debian = `Types: deb deb-src
# A comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
`;

test("the archive of a file of paragraphs is the one of this Debian's own suite", () => {
  const folder = etc({
    "os-release": bookworm,
    "apt/sources.list.d/a-vendor.sources": vendor,
    "apt/sources.list.d/debian.sources": debian,
  });
  expect(debianArchive(folder)).toMatchObject({
    uri: "http://mirror.example/debian",
    keyring: "/usr/share/keyrings/debian-archive-keyring.gpg",
  });
});

test("the archive of a file of lines is found, with its keys", () => {
  const folder = etc({
    "os-release": bookworm,
    "apt/sources.list": `# deb http://old.example bookworm main
deb http://mirror.example/debian-security bookworm-security main
deb [arch=amd64 signed-by=/keys.gpg] http://mirror.example/debian bookworm main
`,
  });
  expect(debianArchive(folder)).toMatchObject({ uri: "http://mirror.example/debian", keyring: "/keys.gpg" });
});

test.each([
  [
    "another system",
    { "os-release": "ID=ubuntu\nVERSION_CODENAME=noble\n", "apt/sources.list": "deb http://m noble main" },
  ],
  [
    "a source that is switched off",
    { "os-release": bookworm, "apt/sources.list.d/debian.sources": `Enabled: no\n${debian}` },
  ],
  ["a system without sources", {}],
])("%s has no Debian archive", (_name, files: Record<string, string>) => {
  expect(debianArchive(etc(files))).toBeUndefined();
});
