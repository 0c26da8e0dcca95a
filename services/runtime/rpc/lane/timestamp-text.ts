const secondsOfDay = 86_400;

/** Seconds of 0001-01-01 and 9999-12-31 (google/protobuf/timestamp.proto). */
const least = -62_135_596_800;
const greatest = 253_402_300_799;

let lastDay = 0;
let lastDate = "1970-01-01";

/**
 * A google.protobuf.Timestamp in its JSON form, with 0, 3, 6 or 9 digits of fraction. Undefined for what has none: a time
 * outside the years 1 to 9999, or nanoseconds that are none.
 */
export function timestampText(seconds: bigint, nanos: number): string | undefined {
  const whole = Number(seconds);
  if (!(whole >= least && whole <= greatest && nanos >= 0 && nanos <= 999_999_999)) return undefined;
  if (!Number.isInteger(whole) || !Number.isInteger(nanos)) return undefined;
  const day = Math.floor(whole / secondsOfDay);
  return `${dateOf(day)}T${clockOf(whole - day * secondsOfDay)}${fractionOf(nanos)}Z`;
}

/** Most times of a reply, and of a second of replies, are of one day. */
function dateOf(day: number): string {
  if (day !== lastDay) {
    lastDate = new Date(day * secondsOfDay * 1000).toISOString().slice(0, 10);
    lastDay = day;
  }
  return lastDate;
}

function clockOf(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return `${twoDigits(hours)}:${twoDigits(minutes - hours * 60)}:${twoDigits(seconds - minutes * 60)}`;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

function fractionOf(nanos: number): string {
  if (nanos === 0) return "";
  const digits = String(nanos).padStart(9, "0");
  if (nanos % 1_000_000 === 0) return `.${digits.slice(0, 3)}`;
  return nanos % 1_000 === 0 ? `.${digits.slice(0, 6)}` : `.${digits}`;
}
