/** A percent-encoding that is malformed or does not spell UTF-8. */
export class PercentError extends Error {
  override readonly name = "PercentError";
}

/** RFC 6570's reserved characters (`:/?#[]@!$&'()*+,;=`), escaped. */
const escapedReserved = /%(?=2[1346789abcf]|3[abdf]|40|5[bd])/gi;

/** Decodes all of one segment (a variable of a single segment, http.proto). Once: `%2525` gives `%25`. */
export function decodeSegment(raw: string): string {
  if (!raw.includes("%")) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    throw new PercentError(`malformed percent-encoding in "${raw}"`);
  }
}

/** Decodes what is not reserved: in a variable of many segments `%2F` stays `%2F` (http.proto, RFC 6570 `{+var}`). */
export function decodeMultiSegment(raw: string): string {
  return raw.includes("%") ? decodeSegment(raw.replace(escapedReserved, "%25")) : raw;
}

/** Decodes a name or value of a query string: `+` is a space, as in every HTML form and URLSearchParams. */
export function decodeQueryPart(raw: string): string {
  return decodeSegment(raw.includes("+") ? raw.replaceAll("+", " ") : raw);
}

/** As `decodeQueryPart`, for whole escapes of any bytes: what is no UTF-8 becomes U+FFFD. */
export function decodeQueryBytes(raw: string): string {
  const bytes = Buffer.from(raw.replaceAll("+", " ")).toString("latin1");
  const decoded = bytes.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(decoded, "latin1").toString("utf8");
}
