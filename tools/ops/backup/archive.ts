import { createHash } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  linkSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { z } from "zod";
import { readArchive, writeArchive } from "./tar.ts";

const manifestSchema = z.object({
  format: z.literal(1),
  createdAt: z.iso.datetime(),
  product: z.enum(["sqlite", "mysql", "mariadb", "postgres"]),
  databases: z.array(
    z.object({
      /** Schema, or SQLite file without its ending. */
      name: z.string(),
      /** Name in the archive. */
      file: z.string().regex(/^[\w.-]+$/),
      sha256: z.string(),
      /** Rows of every table, counted in the copy. */
      tables: z.record(z.string(), z.int()),
    }),
  ),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type DatabaseCopy = Omit<Manifest["databases"][number], "sha256">;

const manifestName = "manifest.json";

/** Writes the copies, files of `folder`, into one archive `out`, which must not be there yet, and reads that again. */
export async function pack(
  folder: string,
  out: string,
  about: Pick<Manifest, "createdAt" | "product"> & { readonly databases: readonly DatabaseCopy[] },
): Promise<void> {
  const databases = [];
  for (const copy of about.databases)
    databases.push({ ...copy, sha256: await digest(createReadStream(join(folder, copy.file))) });
  const manifest: Manifest = { format: 1, createdAt: about.createdAt, product: about.product, databases };
  writeFileSync(join(folder, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`);
  const written = join(folder, "written.tar.gz");
  const names = [manifestName, ...databases.map(({ file }) => file)];
  await writeArchive(
    written,
    names.map((name) => ({ name, path: join(folder, name) })),
  );
  for await (const { name, content } of readArchive(written)) {
    const found = await digest(content);
    const copy = databases.find(({ file }) => file === name);
    if (copy !== undefined && found !== copy.sha256) throw new Error(`${name} is not as it was written`);
  }
  // Appears complete, and never in the place of another file.
  linkSync(written, out);
}

/** Unpacks an archive into a folder and returns what is in it. Throws StartupError when it is none, or damaged. */
export async function unpack(path: string, folder: string): Promise<Manifest> {
  if (!existsSync(path)) throw new StartupError(`there is no file ${path}`, "name a backup that db:backup wrote");
  try {
    const digests = new Map<string, string>();
    for await (const { name, content } of readArchive(path)) {
      if (!/^[\w.-]+$/.test(name)) throw new Error(`it holds ${JSON.stringify(name)}, which is no name of ours`);
      await pipeline(content, createWriteStream(join(folder, name), { flags: "wx", mode: 0o600 }));
      digests.set(name, await digest(createReadStream(join(folder, name))));
    }
    const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(folder, manifestName), "utf8")));
    for (const { file, sha256 } of manifest.databases) {
      if (digests.get(file) !== sha256) throw new Error(`${file} is damaged`);
    }
    return manifest;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    const why =
      error instanceof z.ZodError ? "it has no valid manifest" : error instanceof Error ? error.message : String(error);
    throw new StartupError(`${path} cannot be restored`, why, { cause: error });
  }
}

/** Throws StartupError where the rows that were counted are not those of the backup. */
export function requireSame(copy: Manifest["databases"][number], tables: Readonly<Record<string, number>>): void {
  const names = new Set([...Object.keys(copy.tables), ...Object.keys(tables)]);
  for (const name of names) {
    if (copy.tables[name] === tables[name]) continue;
    const what = `${copy.name} has ${tables[name] ?? "no table, not"} rows in ${name}, not ${copy.tables[name] ?? "none"}`;
    throw new StartupError(`the backup is not whole: ${what}`, "nothing was changed; take another backup");
  }
}

async function digest(content: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of content) hash.update(chunk);
  return hash.digest("hex");
}
