import { JsonNumber, type JsonTree } from "../../transcoder/json-tree.ts";

/** A tree as Python's json module writes what it has read: doubles by their repr, integers by their digits. */
export function pythonJson(tree: JsonTree): string {
  if (tree instanceof JsonNumber) return pythonNumber(tree.source);
  if (tree instanceof Map) {
    return `{${[...tree].map(([key, value]) => `${JSON.stringify(key)}:${pythonJson(value)}`).join(",")}}`;
  }
  return Array.isArray(tree) ? `[${tree.map(pythonJson).join(",")}]` : JSON.stringify(tree);
}

function pythonNumber(source: string): string {
  if (!/[.eE]/.test(source)) return source === "-0" ? "0" : source;
  const value = Number(source);
  // Python has no JSON for infinity; the text that came is JSON.
  return Number.isFinite(value) ? pythonFloat(value) : source;
}

/** The repr of a finite Python float: shortest digits, an exponent from 1e16 on and below 1e-4. */
export function pythonFloat(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [mantissa = "", power = "0"] = Math.abs(value).toExponential().split("e");
  const sign = value < 0 ? "-" : "";
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  const digits = mantissa.replace(".", "");
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  return `${sign}${digits.slice(0, exponent + 1).padEnd(exponent + 1, "0")}.${digits.slice(exponent + 1) || "0"}`;
}
