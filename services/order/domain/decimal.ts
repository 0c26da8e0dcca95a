/** An exact decimal number: `units` x 10^-`scale`. */
export interface Decimal {
  readonly units: bigint;
  /** Digits after the point; never negative. */
  readonly scale: number;
}

/** More digits than any price has; keeps a hostile exponent from filling the memory. */
const mostDigits = 36;

/** Reads a JSON number's text, exactly; undefined when it is none or has more than 36 digits. */
export function parseDecimal(source: string): Decimal | undefined {
  if (source.length > 400) return undefined;
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/.exec(source);
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return { units: 0n, scale: 0 };
  const kept = digits.replace(/0+$/, "");
  const scale = fraction.length - Number(exponent) - (digits.length - kept.length);
  const length = scale < 0 ? kept.length - scale : Math.max(kept.length, scale + 1);
  if (length > mostDigits) return undefined;
  const units = BigInt(sign + kept);
  return scale < 0 ? { units: units * 10n ** BigInt(-scale), scale: 0 } : { units, scale };
}

/** The shortest exact text: 12.5, 0.05, 100. */
export function decimalText({ units, scale }: Decimal): string {
  if (scale === 0) return units.toString();
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, "0");
  const fraction = digits.slice(-scale).replace(/0+$/, "");
  return sign + digits.slice(0, -scale) + (fraction === "" ? "" : `.${fraction}`);
}

/**
 * `price` x `quantity` in minor units of a currency with two decimals, rounded once, half up
 * (docs/contracts/minishop.md 9.7). `price` is not negative.
 */
export function totalMinor(price: Decimal, quantity: bigint): bigint {
  const exact = price.units * quantity;
  if (price.scale <= 2) return exact * 10n ** BigInt(2 - price.scale);
  const divisor = 10n ** BigInt(price.scale - 2);
  return (exact + divisor / 2n) / divisor;
}

/** An amount in minor units of a currency with two decimals. */
export function fromMinor(minor: bigint): Decimal {
  return { units: minor, scale: 2 };
}
