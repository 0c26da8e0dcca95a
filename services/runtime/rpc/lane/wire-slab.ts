/**
 * Writes the protobuf wire format (protobuf.dev, "Encoding") into memory that is used again for every message: a buffer of its own
 * costs a message more than its bytes. What does not fit shows only at the end, in `overflowed`, or as a RangeError.
 */
export class WireSlab {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = 0;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, size);
  }

  reset(): void {
    this.#at = 0;
  }

  get overflowed(): boolean {
    return this.#at > this.#bytes.length;
  }

  /** A copy of what was written. */
  copy(): Uint8Array {
    return Buffer.from(this.#bytes.subarray(0, this.#at));
  }

  /** Unsigned, below 2^53. */
  varint(value: number): void {
    let rest = value;
    while (rest > 0xffff_ffff) {
      this.#bytes[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  /** The 64 bits of a signed or unsigned number. */
  varint64(value: bigint): void {
    if (value >= 0n && value <= 9_007_199_254_740_991n) {
      this.varint(Number(value));
      return;
    }
    let rest = BigInt.asUintN(64, value);
    while (rest > 0x7fn) {
      this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#at++] = Number(rest);
  }

  fixed32(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  fixed64(value: bigint): void {
    this.#view.setBigUint64(this.#at, value, true);
    this.#at += 8;
  }

  float(value: number): void {
    this.#view.setFloat32(this.#at, value, true);
    this.#at += 4;
  }

  double(value: number): void {
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** UTF-8 with its length before it; half a surrogate pair becomes U+FFFD. */
  string(value: string): void {
    const { length } = value;
    if (length < 128) {
      // Most texts are short and ASCII.
      let at = this.#at;
      this.#bytes[at++] = length;
      let i = 0;
      for (; i < length; i += 1) {
        const code = value.charCodeAt(i);
        if (code > 0x7f) break;
        this.#bytes[at++] = code;
      }
      if (i === length) {
        this.#at = at;
        return;
      }
    }
    const size = Buffer.byteLength(value);
    this.varint(size);
    // Writes what fits; the position tells.
    this.#bytes.write(value, this.#at);
    this.#at += size;
  }

  /** Begins what has its length before it; `end` takes what this gives. */
  begin(): number {
    this.#at += 1;
    return this.#at;
  }

  end(start: number): void {
    const length = this.#at - start;
    if (length < 128) {
      this.#bytes[start - 1] = length;
      return;
    }
    const prefix = length < 1 << 14 ? 2 : length < 1 << 21 ? 3 : 4;
    this.#bytes.copyWithin(start - 1 + prefix, start, this.#at);
    this.#at = start - 1;
    this.varint(length);
    this.#at += length;
  }
}
