import type { Timestamp } from "@bufbuild/protobuf/wkt";

/** Go's zero time, 0001-01-01T00:00:00Z: what the old services wrote for a time that is not there. */
export const zeroTime = { seconds: -62_135_596_800n, nanos: 0 };

/** A time that the old services would have read as absent is. */
export function unlessZero(time: Timestamp | undefined): Timestamp | undefined {
  return time?.seconds === zeroTime.seconds && time.nanos === 0 ? undefined : time;
}

/** A stats date in one of the forms of 9.5, as YYYY-MM-DD; undefined for another text or an impossible day. */
export function parseStatsDate(text: string): string | undefined {
  const match = /^([0-9]{4})(?:-([0-9]{1,2})-([0-9]{1,2})|([0-9]{2})([0-9]{2}))$/.exec(text);
  if (match === null) return undefined;
  const [, year = "", month = match[4] ?? "", day = match[5] ?? ""] = match;
  const date = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  const time = new Date(`${date}T00:00:00Z`);
  const isDay = !Number.isNaN(time.getTime()) && time.toISOString().startsWith(date);
  return isDay && year !== "0000" ? date : undefined;
}

/** Midnight UTC of a YYYY-MM-DD. */
export function midnight(date: string): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Date.parse(`${date}T00:00:00Z`) / 1000), nanos: 0 };
}
