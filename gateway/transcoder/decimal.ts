/** Digits that a plain decimal may have: those of the greatest double and a fraction. */
const maxDigits = 350;

const decimal = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/;

/**
 * A JSON number's source in its one canonical form: no exponent, no needless zero, no minus before zero (`1.250e1` and
 * `12.50` are `12.5`). Exact; undefined when it is no JSON number or too long to write out.
 */
export function plainDecimal(source: string): string | undefined {
  if (source.length > maxDigits) return undefined;
  const match = decimal.exec(source);
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const shift = Number(exponent);
  const digits = whole + fraction;
  if (/^0*$/.test(digits)) return "0";
  if (Math.abs(shift) > maxDigits) return undefined;
  const point = whole.length + shift;
  const padded = point <= 0 ? "0".repeat(1 - point) + digits : digits.padEnd(point, "0");
  const at = Math.max(point, 1);
  const integer = padded.slice(0, at).replace(/^0+(?=.)/, "");
  const rest = padded.slice(at).replace(/0+$/, "");
  return rest === "" ? sign + integer : `${sign}${integer}.${rest}`;
}
