import { createHash } from "node:crypto";
import { decimalText, parseDecimal, totalMinor } from "./decimal.ts";
import { JsonNumber, parseMessageJson } from "./message-json.ts";
import { mostTotalMinor, type OrderIntake } from "./order-intake.ts";
import { readPurchaseMessage } from "./purchase-message.ts";

/** A message as the bus hands it over. */
export interface SeckillMessage {
  readonly data: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** When the broker stored it (epoch milliseconds). */
  readonly storedAt: number;
}

/** What can be said of the order of a message that is refused; "" where nothing can. */
export interface RefusedOrder {
  readonly externalOrderId: string;
  readonly buyerId: string;
  readonly productId: string;
}

export type MessageReading =
  | { readonly kind: "order"; readonly intake: OrderIntake }
  /** A notice that needs no order (`stock_update`, `user_notify`). */
  | { readonly kind: "notice" }
  /** Never acceptable. With `failure` the refusal is also recorded as a failed order (docs/contracts/minishop.md 2.3). */
  | {
      readonly kind: "refused";
      readonly reason: string;
      readonly failure?: RefusedOrder & { readonly type: "VALIDATION" | "CONSTRAINT" };
    };

/** Reads a message of subject `seckill.>`: our protobuf, or either JSON form of docs/contracts/minishop.md 2.2. Never throws. */
export function readSeckillMessage(message: SeckillMessage, currency: string): MessageReading {
  if (isProtobuf(message.headers)) return readPurchaseMessage(message.data, message.storedAt);
  const fields = parseMessageJson(message.data);
  if (typeof fields === "string") return { kind: "refused", reason: fields };
  const type = fields.get("message_type");
  if (type !== undefined && typeof type !== "string") return wrongType("message_type");
  if (type === "stock_update" || type === "user_notify") return { kind: "notice" };
  if (type === "seckill_order") return readOrder(fields, message, currency, "code");
  if (type !== undefined && type !== "") {
    return { kind: "refused", reason: `unknown message_type ${JSON.stringify(type.slice(0, 64))}` };
  }
  if (fields.has("unit_price") || fields.has("seckill_id")) return readOrder(fields, message, currency, "readme");
  return { kind: "refused", reason: "no message_type" };
}

function isProtobuf(headers: Readonly<Record<string, string>>): boolean {
  const name = Object.keys(headers).find((header) => header.toLowerCase() === "content-type");
  return name !== undefined && /^application\/(x-)?protobuf\b/i.test(headers[name] ?? "");
}

type Fields = ReadonlyMap<string, unknown>;

/** A field has another JSON type than the contract says: nobody knows what was meant. */
class WrongType extends Error {
  readonly field: string;

  constructor(field: string) {
    super(field);
    this.field = field;
  }
}

function wrongType(field: string): MessageReading {
  return { kind: "refused", reason: `${field} has a wrong JSON type` };
}

/** The two shapes of 2.2: what the legacy code sends, and what its documentation shows. */
function readOrder(
  fields: Fields,
  message: SeckillMessage,
  currency: string,
  shape: "code" | "readme",
): MessageReading {
  try {
    return orderOf(fields, message, currency, shape);
  } catch (error) {
    if (error instanceof WrongType) return wrongType(error.field);
    throw error;
  }
}

function orderOf(fields: Fields, message: SeckillMessage, currency: string, shape: "code" | "readme"): MessageReading {
  const given = textField(fields, "order_id");
  const externalId = given === "" && shape === "readme" ? derivedOrderId(message.data) : given;
  const productId = int64Field(fields, "product_id");
  const buyerId = int64Field(fields, "user_id");
  const quantity = int64Field(fields, "quantity");
  const priceName = fields.has("price") || !fields.has("unit_price") ? "price" : "unit_price";
  const price = numberField(fields, priceName);
  const sentAt = timeField(fields, "create_time") ?? timeField(fields, "timestamp") ?? message.storedAt;
  const traceId = textField(fields, "trace_id");
  const activityId = idField(fields, "activity_id") || idField(fields, "seckill_id");

  const about = {
    externalOrderId: stored(externalId, 64),
    buyerId: buyerId.toString(),
    productId: productId.toString(),
  };
  const refuse = (type: "VALIDATION" | "CONSTRAINT", reason: string): MessageReading => ({
    kind: "refused",
    reason,
    failure: { ...about, type },
  });
  if (externalId === "") return refuse("VALIDATION", "order_id is empty");
  if (productId <= 0n) return refuse("VALIDATION", "product_id is not positive");
  if (buyerId <= 0n) return refuse("VALIDATION", "user_id is not positive");
  if (quantity <= 0n) return refuse("VALIDATION", "quantity is not positive");
  if (quantity > BigInt(Number.MAX_SAFE_INTEGER)) return refuse("CONSTRAINT", "quantity is too large");
  if (price === undefined) return refuse("VALIDATION", `${priceName} is missing`);
  const exact = parseDecimal(price.source);
  if (exact === undefined) return refuse("CONSTRAINT", `${priceName} has too many digits`);
  if (exact.units < 0n) return refuse("VALIDATION", `${priceName} is negative`);
  const total = totalMinor(exact, quantity);
  if (total > mostTotalMinor || totalMinor(exact, 1n) > mostTotalMinor) {
    return refuse("CONSTRAINT", "the total is beyond 99999999.99");
  }
  for (const [name, value, longest] of [
    ["order_id", externalId, 64],
    ["trace_id", traceId, 64],
    ["seckill_id", activityId, 40],
  ] as const) {
    if (stored(value, longest) !== value) return refuse("CONSTRAINT", `${name} cannot be stored`);
  }
  const intake: OrderIntake = {
    purchase: undefined,
    externalId,
    activityId,
    productId: productId.toString(),
    productName: "",
    buyerId: buyerId.toString(),
    quantity,
    unitPrice: decimalText(exact),
    currency,
    totalMinor: total,
    traceId,
    sentAt,
  };
  return { kind: "order", intake };
}

/** The same bytes are the same order. */
function derivedOrderId(data: Uint8Array): string {
  return `SK${createHash("sha256").update(data).digest("hex").slice(0, 48)}`;
}

/** What a text column of `longest` characters can hold of it: no NUL, no half surrogate pairs. */
function stored(value: string, longest: number): string {
  if (value.length <= longest && value.isWellFormed() && !value.includes("\0")) return value;
  return [...value.toWellFormed().replaceAll("\0", "")].slice(0, longest).join("");
}

function textField(fields: Fields, name: string): string {
  const value = fields.get(name) ?? "";
  if (typeof value !== "string") throw new WrongType(name);
  return value;
}

function idField(fields: Fields, name: string): string {
  const value = fields.get(name) ?? "";
  if (value instanceof JsonNumber) {
    if (!/^\d{1,19}$/.test(value.source)) throw new WrongType(name);
    return value.source;
  }
  if (typeof value !== "string") throw new WrongType(name);
  return value;
}

function numberField(fields: Fields, name: string): JsonNumber | undefined {
  const value = fields.get(name);
  if (value === undefined || value instanceof JsonNumber) return value;
  throw new WrongType(name);
}

/** A missing one is 0, as in the legacy decoder, and so fails the check that it is positive. */
function int64Field(fields: Fields, name: string): bigint {
  const value = numberField(fields, name);
  if (value === undefined) return 0n;
  if (!/^-?\d{1,19}$/.test(value.source)) throw new WrongType(name);
  const integer = BigInt(value.source);
  if (BigInt.asIntN(64, integer) !== integer) throw new WrongType(name);
  return integer;
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

/** RFC 3339 text, or a number of Unix seconds or milliseconds; undefined when absent. */
function timeField(fields: Fields, name: string): number | undefined {
  const value = fields.get(name);
  if (value === undefined) return undefined;
  if (value instanceof JsonNumber) {
    const number = Number(value.source);
    const ms = number > 1e11 ? number : number * 1000;
    if (!Number.isFinite(ms) || ms < 0 || ms > 8e15) throw new WrongType(name);
    return ms < firstYear ? undefined : Math.trunc(ms);
  }
  if (typeof value !== "string" || !rfc3339.test(value)) throw new WrongType(name);
  const ms = Date.parse(value);
  if (Number.isNaN(ms)) throw new WrongType(name);
  // The zero time of the legacy language means that nobody set it.
  return ms < firstYear || ms >= lastYear ? undefined : ms;
}

const firstYear = Date.UTC(1970, 0, 2);
const lastYear = Date.UTC(9999, 0, 1);
