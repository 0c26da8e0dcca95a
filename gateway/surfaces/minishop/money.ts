import type { Money } from "@ordermesh/proto/ordermesh/type/v1/money_pb";

const digitsOf = new Map<string, number>();

/** Decimals of a currency's minor unit (ISO 4217). */
function minorDigits(currency: string): number {
  const known = digitsOf.get(currency);
  if (known !== undefined) return known;
  const digits =
    new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  digitsOf.set(currency, digits);
  return digits;
}

/** An amount in major units as decimal text; unset: 0. */
export function majorUnits(money: Money | undefined): string {
  return money === undefined ? "0" : scaled(money.minorUnits, minorDigits(money.currency));
}

/** A decimal text in minor units, rounded once, half away from zero. Throws for what is no plain decimal. */
export function minorUnits(decimal: string, currency: string): bigint {
  const match = /^(-?)([0-9]+)(?:\.([0-9]+))?$/.exec(decimal);
  if (match === null) throw new TypeError(`"${decimal}" is no decimal number`);
  const [, sign = "", whole = "", fraction = ""] = match;
  const digits = minorDigits(currency);
  const kept = BigInt(whole + fraction.slice(0, digits).padEnd(digits, "0"));
  const rounded = kept + (fraction.charAt(digits) >= "5" ? 1n : 0n);
  return sign === "-" ? -rounded : rounded;
}

/** A unit price as the old table kept it: rounded to the currency's decimals (9.7). */
export function roundedPrice(decimal: string, currency: string): string {
  return decimal === "" ? "0" : scaled(minorUnits(decimal, currency), minorDigits(currency));
}

function scaled(units: bigint, digits: number): string {
  const sign = units < 0n ? "-" : "";
  const text = String(units < 0n ? -units : units).padStart(digits + 1, "0");
  if (digits === 0) return sign + text;
  return `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
