import { randomFillSync } from "node:crypto";

const pool = new Uint8Array(4096);
const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
let used = pool.length;
let lastMs = 0;
let sequence = 0;
/** The text up to the version, of the millisecond `timeOf`. */
let timeText = "";
let timeOf = -1;

/**
 * A UUIDv7 (RFC 9562, section 5.7) in its text form. Texts sort by time of making; within this process strictly, by
 * the 12-bit counter of section 6.2, method 1, which starts each millisecond at a random value of its lower half.
 */
export function uuidv7(): string {
  if (used + 10 > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const at = used;
  used += 10;
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    sequence = (byteAt(at + 8) << 3) | (byteAt(at + 9) >> 5);
  } else if (++sequence > 0xfff) {
    // Also where the clock went back: ids go on from the latest.
    lastMs++;
    sequence = 0;
  }
  if (timeOf !== lastMs) {
    const time = lastMs.toString(16).padStart(12, "0");
    timeText = `${time.slice(0, 8)}-${time.slice(8)}-7`;
    timeOf = lastMs;
  }
  const counter = `${(sequence >> 8).toString(16)}${hexAt(sequence & 0xff)}`;
  const variant = hexAt((byteAt(at) & 0x3f) | 0x80);
  let tail = "";
  for (let index = at + 2; index < at + 8; index++) tail += hexAt(byteAt(index));
  return `${timeText}${counter}-${variant}${hexAt(byteAt(at + 1))}-${tail}`;
}

function byteAt(index: number): number {
  return pool[index] ?? 0;
}

function hexAt(byte: number): string {
  return hex[byte] ?? "00";
}

/** A public id: opaque, sorts by time. `prefix` says what it names, such as `ord_`. */
export function newId(prefix: string): string {
  return prefix + uuidv7();
}
