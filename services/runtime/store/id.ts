import { randomFillSync } from "node:crypto";

const pool = new Uint8Array(4096);
let used = pool.length;
let lastMs = 0;
let sequence = 0;

/**
 * A UUIDv7 (RFC 9562, section 5.7) in its text form. Texts sort by time of making; within this process strictly, by
 * the 12-bit counter of section 6.2, method 1, which starts each millisecond at a random value of its lower half.
 */
export function uuidv7(): string {
  if (used + 10 > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + 10);
  used += 10;
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    sequence = ((random[8] ?? 0) << 3) | ((random[9] ?? 0) >> 5);
  } else if (++sequence > 0xfff) {
    // Also where the clock went back: ids go on from the latest.
    lastMs++;
    sequence = 0;
  }
  const time = lastMs.toString(16).padStart(12, "0");
  const counter = sequence.toString(16).padStart(3, "0");
  const variant = (((random[0] ?? 0) & 0x3f) | 0x80).toString(16);
  let tail = "";
  for (let index = 1; index < 8; index++) tail += (random[index] ?? 0).toString(16).padStart(2, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter}-${variant}${tail.slice(0, 2)}-${tail.slice(2)}`;
}

/** A public id: opaque, sorts by time. `prefix` says what it names, such as `ord_`. */
export function newId(prefix: string): string {
  return prefix + uuidv7();
}
