import { createReadStream, createWriteStream, statSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";

/** POSIX ustar: headers and contents in blocks of so many bytes (pax(1), "ustar Interchange Format"). */
const block = 512;
/** The largest size that fits the header's octal field; larger ones are written in base 256 (bytes). */
const largestOctal = 0o77777777777;

export interface TarFile {
  readonly name: string;
  readonly path: string;
}

/** Writes files into a compressed archive that must not be there yet, and onto the disk. */
export async function writeArchive(path: string, files: readonly TarFile[]): Promise<void> {
  // Level 1: dumps are large and text, and better ones cost ten times the time for a fifth of the bytes.
  await pipeline(
    blocksOf(files),
    createGzip({ level: 1 }),
    createWriteStream(path, { flags: "wx", mode: 0o600, flush: true }),
  );
}

async function* blocksOf(files: readonly TarFile[]): AsyncGenerator<Buffer> {
  for (const { name, path } of files) {
    const { size, mtimeMs } = statSync(path);
    yield header(name, size, mtimeMs);
    for await (const chunk of createReadStream(path)) yield chunk;
    yield Buffer.alloc(padding(size));
  }
  yield Buffer.alloc(2 * block);
}

function header(name: string, size: number, mtimeMs: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`${name} is too long a name for an archive`);
  const bytes = Buffer.alloc(block);
  const octal = (value: number, at: number, length: number) =>
    bytes.write(value.toString(8).padStart(length - 1, "0"), at, "latin1");
  bytes.write(name, 0);
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  if (size <= largestOctal) octal(size, 124, 12);
  else {
    bytes[124] = 0x80;
    bytes.writeBigUInt64BE(BigInt(size), 128);
  }
  octal(Math.floor(mtimeMs / 1000), 136, 12);
  bytes.write("0", 156, "latin1");
  bytes.write("ustar\x0000", 257, "latin1");
  // The checksum counts its own field as blanks.
  bytes.fill(" ", 148, 156);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bytes;
}

function padding(size: number): number {
  return (block - (size % block)) % block;
}

/** A file in an archive; its content has to be read to the end before the next one. */
export interface TarEntry {
  readonly name: string;
  readonly content: AsyncIterable<Buffer>;
}

/** The files of a compressed archive, one after the other. Throws where it is cut off or is none. */
export async function* readArchive(path: string): AsyncGenerator<TarEntry> {
  const unzipped = createGunzip();
  const piped = pipeline(createReadStream(path), unzipped);
  // Told by the reads below, too.
  piped.catch(() => undefined);
  const input = new ByteReader(unzipped);
  for (;;) {
    const bytes = await input.exactly(block);
    if (bytes.every((byte) => byte === 0)) break;
    if (bytes.toString("latin1", 257, 262) !== "ustar") throw new Error("it is no backup");
    const name = bytes.toString("utf8", 0, 100).replace(/\0.*$/s, "");
    const size =
      bytes[124] === 0x80 ? Number(bytes.readBigUInt64BE(128)) : Number.parseInt(bytes.toString("latin1", 124, 135), 8);
    yield { name, content: input.upTo(size) };
    await input.exactly(padding(size));
  }
  // To the end, so that the compressor's own checksum is looked at.
  await input.drain();
  await piped;
}

class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async exactly(size: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of this.upTo(size)) parts.push(part);
    return Buffer.concat(parts);
  }

  async *upTo(size: number): AsyncGenerator<Buffer> {
    let missing = size;
    while (missing > 0) {
      if (this.#rest.length === 0 && !(await this.#fill())) throw new Error("it is cut off");
      const part = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(part.length);
      missing -= part.length;
      yield part;
    }
  }

  async drain(): Promise<void> {
    while (await this.#fill());
  }

  async #fill(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    if (done) return false;
    this.#rest = value;
    return true;
  }
}
