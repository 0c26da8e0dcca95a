import { TimeFormat } from "@ordermesh/proto/ordermesh/rest/v1/options_pb";

/** The value of a google.protobuf.Timestamp. */
export interface Instant {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** Seconds of 0001-01-01 and 9999-12-31 (google/protobuf/timestamp.proto). */
const least = -62_135_596_800;
const greatest = 253_402_300_799;

const secondsOfDay = 86_400;

/** Text of an instant, always UTC. Throws RangeError outside the years 1 to 9999. */
export function timeToText(instant: Instant, format: TimeFormat): string {
  const seconds = Number(instant.seconds);
  if (seconds < least || seconds > greatest) throw new RangeError(`${seconds} s is no time of the years 1 to 9999`);
  const day = Math.floor(seconds / secondsOfDay);
  const date = dateToText(day);
  if (format === TimeFormat.DATE) return date;
  const text = `${date}T${clockToText(seconds - day * secondsOfDay)}`;
  switch (format) {
    case TimeFormat.NAIVE: {
      const fraction = digitsOf(instant.nanos).slice(0, 6);
      return fraction === "000000" ? text : `${text}.${fraction}`;
    }
    case TimeFormat.RFC3339_TRIMMED:
      return instant.nanos === 0 ? `${text}Z` : `${text}.${digitsOf(instant.nanos).replace(/0+$/, "")}Z`;
    default:
      return `${text}${fractionOfThree(instant.nanos)}Z`;
  }
}

let lastDay = 0;
let lastDate = "1970-01-01";

/** Most times of a reply, and of a second of replies, are of one day. */
function dateToText(day: number): string {
  if (day !== lastDay) {
    lastDate = new Date(day * secondsOfDay * 1000).toISOString().slice(0, 10);
    lastDay = day;
  }
  return lastDate;
}

function clockToText(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return `${twoDigits(hours)}:${twoDigits(minutes - hours * 60)}:${twoDigits(seconds - minutes * 60)}`;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

function digitsOf(nanos: number): string {
  return String(nanos).padStart(9, "0");
}

function fractionOfThree(nanos: number): string {
  if (nanos === 0) return "";
  if (nanos % 1_000_000 === 0) return `.${String(nanos / 1_000_000).padStart(3, "0")}`;
  const digits = digitsOf(nanos);
  return nanos % 1000 === 0 ? `.${digits.slice(0, 6)}` : `.${digits}`;
}

const date = "([0-9]{4})-([0-9]{2})-([0-9]{2})";
const clock = "([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\\.([0-9]{1,9}))?";
const zone = "(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))";
const patterns = {
  date: new RegExp(`^${date}$`),
  naive: new RegExp(`^${date}[Tt ]${clock}(?:${zone})?$`),
  rfc3339: new RegExp(`^${date}[Tt]${clock}${zone}$`),
};

/** Reads what `timeToText` writes, and any offset from UTC where the format has one; undefined when it is no time. */
export function textToTime(text: string, format: TimeFormat): Instant | undefined {
  const match = patternOf(format).exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map((part) => Number(part ?? 0));
  if (year === undefined || month === undefined || day === undefined) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, month - 1, day);
  if (midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day) return undefined;
  const offset = offsetSeconds(match[8], match[9], match[10]);
  const seconds = midnight.getTime() / 1000 + hour * 3600 + minute * 60 + second - (offset ?? Number.NaN);
  if (!(seconds >= least && seconds <= greatest)) return undefined;
  return { seconds: BigInt(seconds), nanos: Number((match[7] ?? "").padEnd(9, "0")) };
}

function patternOf(format: TimeFormat): RegExp {
  if (format === TimeFormat.DATE) return patterns.date;
  return format === TimeFormat.NAIVE ? patterns.naive : patterns.rfc3339;
}

function offsetSeconds(sign: string | undefined, hours = "0", minutes = "0"): number | undefined {
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
}
