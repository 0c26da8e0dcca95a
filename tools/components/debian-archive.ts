import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface DebianArchive {
  readonly uri: string;
  /** File of the keys that sign it; undefined leaves the choice to apt. */
  readonly keyring: string | undefined;
}

/** The archive that this machine installs Debian itself from; undefined where it is no Debian. `etc` is for tests. */
export function debianArchive(etc = "/etc"): DebianArchive | undefined {
  const release = osRelease(textOf(join(etc, "os-release")));
  if (release.ID !== "debian") return undefined;
  const parts = join(etc, "apt/sources.list.d");
  const names = existsSync(parts) ? readdirSync(parts).sort() : [];
  const files = [join(etc, "apt/sources.list"), ...names.map((name) => join(parts, name))];
  const sources = files.flatMap((file) => entries(file, textOf(file)));
  // Other vendors name their suites otherwise, and the security archive has a suffix.
  return sources.find(({ suites }) => suites.includes(release.VERSION_CODENAME ?? "") || suites.includes("stable"));
}

function textOf(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

interface Entry extends DebianArchive {
  readonly suites: readonly string[];
}

/** Entries of a `.sources` file (paragraphs of fields) or of a `.list` file (one line each); none of other files. */
function entries(file: string, text: string): Entry[] {
  if (file.endsWith(".sources")) return text.split(/\n\s*\n/).flatMap(paragraph);
  return file.endsWith(".list") ? text.split("\n").flatMap(line) : [];
}

function paragraph(text: string): Entry[] {
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*(?:\\n[ \\t].*)*)`, "im").exec(text)?.[1]?.trim();
  const [uri] = field("URIs")?.split(/\s+/) ?? [];
  const keyring = field("Signed-By");
  if (uri === undefined || field("Enabled") === "no" || !field("Types")?.split(/\s+/).includes("deb")) return [];
  // The keys themselves may stand there instead of a file.
  return [
    { uri, keyring: keyring?.startsWith("/") ? keyring : undefined, suites: field("Suites")?.split(/\s+/) ?? [] },
  ];
}

function line(text: string): Entry[] {
  const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/.exec(text);
  if (match === null) return [];
  const [, options = "", uri = "", suite = ""] = match;
  return [{ uri, keyring: /signed-by=(\/\S+)/.exec(options)?.[1], suites: [suite] }];
}

function osRelease(text: string): Record<string, string | undefined> {
  const pairs = text.split("\n").map((entry) => entry.split("="));
  return Object.fromEntries(pairs.map(([name = "", value = ""]) => [name, value.replace(/^"|"$/g, "")]));
}
