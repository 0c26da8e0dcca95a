import type { SqlValue } from "./sql.ts";

/** Values as PostgreSQL reads an array of them, whatever the element type: `{1,"a\"b",NULL}`. */
export function arrayLiteral(values: readonly SqlValue[]): string {
  let literal = "";
  for (const value of values) {
    if (literal !== "") literal += ",";
    if (value === null) literal += "NULL";
    else if (typeof value === "string") literal += `"${escaped(value)}"`;
    else if (value instanceof Uint8Array) literal += `"\\\\x${hex(value)}"`;
    else literal += value;
  }
  return `{${literal}}`;
}

function escaped(value: string): string {
  return value.includes("\\") || value.includes('"') ? value.replace(/["\\]/g, "\\$&") : value;
}

function hex({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("hex");
}
