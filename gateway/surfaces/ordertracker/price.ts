/** A price as an amount of hundredths, or the double that it is where it is none (`NaN`, infinite). */
export type Price = { readonly hundredths: bigint; readonly sign: -1 | 0 | 1 } | { readonly special: number };

const decimalText = /^([+-]?)([0-9]*)\.?([0-9]*)(?:e([+-]?[0-9]+))?$/i;
const specialText = /^([+-]?)(?:(nan)|inf(?:inity)?)$/i;

/**
 * Rounds decimal text to hundredths, half up, exactly (contract 1.2: 10.005 is 10.01). Takes what Rust reads as a
 * float; undefined when it is no number. `sign` is the number's own, before rounding.
 */
export function parsePrice(text: string): Price | undefined {
  const special = specialText.exec(text);
  if (special !== null) return { special: special[2] ? Number.NaN : special[1] === "-" ? -Infinity : Infinity };
  const match = decimalText.exec(text);
  if (match === null) return undefined;
  const [, minus = "", whole = "", fraction = "", exponent = "0"] = match;
  if (whole + fraction === "") return undefined;
  const double = Number(`${minus}${whole || "0"}.${fraction || "0"}e${exponent}`);
  if (!Number.isFinite(double)) return { special: double };
  const digits = (whole + fraction).replace(/^0+/, "");
  // A number too small for a double is zero, as in Python.
  if (digits === "" || double === 0) return { hundredths: 0n, sign: 0 };
  const amount = roundHalfUp(digits, Number(exponent) - fraction.length + 2);
  return minus === "-" ? { hundredths: -amount, sign: -1 } : { hundredths: amount, sign: 1 };
}

/** `digits` times ten to the power of `shift`, as the nearest integer. Finite doubles keep `shift` small. */
function roundHalfUp(digits: string, shift: number): bigint {
  if (shift >= 0) return BigInt(digits + "0".repeat(shift));
  const cut = digits.length + shift;
  if (cut < 0) return 0n;
  return BigInt(digits.slice(0, cut) || "0") + (digits.charAt(cut) >= "5" ? 1n : 0n);
}

/** 4990n is `49.90`. */
export function hundredthsToText(hundredths: bigint): string {
  const digits = String(hundredths).padStart(3, "0");
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** The inverse, for text with exactly, or at most, two decimals. */
export function textToHundredths(text: string): bigint {
  const [whole = "0", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(2, "0"));
}
