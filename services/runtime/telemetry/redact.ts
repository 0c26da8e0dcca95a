import { maskUrlCredentials } from "./mask-url.ts";

/** What stands in a log line in place of a personal field or a secret. */
export const redacted = "[redacted]";

/** Personal fields and secrets by name; case, `_`, `-` and `.` do not matter (`receiverName`, `receiver-name`). */
const sensitiveNames = [
  ...["receiver", "receiver_name", "receiver_address", "receiver_phone", "receiver_mobile", "buyer_name", "real_name"],
  ...["phone", "phone_number", "mobile", "email", "id_card", "id_number", "alipay_trade_no", "alipay_account"],
  ...["authorization", "proxy_authorization", "cookie", "set_cookie", "x_api_key", "api_key", "api_keys", "jwt"],
  ...["password", "passwd", "secret", "client_secret", "jwt_secret", "private_key", "signature"],
  ...["token", "access_token", "refresh_token", "id_token", "idempotency_key"],
  ...["body", "raw_body", "request_body", "response_body", "payload", "message_data", "parameters", "sql"],
];

const normalized = new Map<string, boolean>();
const sensitive: ReadonlySet<string> = new Set(sensitiveNames.map(normalize));

const maximumDepth = 8;
const maximumNames = 2_000;

/**
 * A copy of `fields` for the log without personal values and secrets, at any depth; the object itself when it holds
 * none. Bytes become their length: they are bodies.
 */
export function redact(fields: object): object {
  return redactObject(fields as Record<string, unknown>, 0);
}

/**
 * An error for the log: name, text, code, stack and causes. Its other properties are left out: drivers hang statements
 * and their parameters there.
 */
export function redactError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return redactValue(error, depth);
  const code: unknown = "code" in error ? error.code : undefined;
  return {
    type: error.name,
    message: maskErrorText(error.message),
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    stack: maskErrorText(error.stack ?? ""),
    ...(error.cause !== undefined && depth < maximumDepth ? { cause: redactError(error.cause, depth + 1) } : {}),
  };
}

/** Where databases and the JSON parser quote the value that they refuse: it may be somebody's name. */
const quotedValues: readonly RegExp[] = [
  /(?<=\b(?:entry|value:?) )'.*?'(?= for (?:key|column|function)\b)/gs,
  /(?<=\binput syntax for type [\w ]+: )".*"/g,
  /(?<=\bvalue )".*"(?= is out of range)/g,
  /(?<=, )".*"(?= is not valid JSON)/gs,
];

function maskErrorText(text: string): string {
  return maskUrlCredentials(quotedValues.reduce((masked, pattern) => masked.replace(pattern, "'***'"), text));
}

function redactObject(fields: Record<string, unknown>, depth: number): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    const safe = isSensitive(name) && value !== undefined && value !== null ? redacted : redactValue(value, depth);
    if (safe === value) continue;
    copy ??= { ...fields };
    copy[name] = safe;
  }
  return copy ?? fields;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") return maskUrlCredentials(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Error) return redactError(value, depth);
  if (value instanceof URL) return maskUrlCredentials(value.href);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= maximumDepth) return "[deep]";
  if (Array.isArray(value)) return value.map((entry) => redactValue(entry, depth + 1));
  if (value instanceof Map || value instanceof Headers) {
    return redactObject(Object.fromEntries(value as Iterable<[string, unknown]>), depth + 1);
  }
  if (value instanceof Date) return value;
  return redactObject(value as Record<string, unknown>, depth + 1);
}

function isSensitive(name: string): boolean {
  let answer = normalized.get(name);
  if (answer === undefined) {
    answer = sensitive.has(normalize(name));
    // Names come from code; data used as names must not fill the memory.
    if (normalized.size < maximumNames) normalized.set(name, answer);
  }
  return answer;
}

function normalize(name: string): string {
  return name.replace(/[_\-.]/g, "").toLowerCase();
}
