import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { minishopErrors } from "./errors.ts";
import { parseId } from "./legacy-number.ts";

/** An order id fits the old column and the native field; a longer one names no order (9.4). */
const maxOrderIdLength = 64;

/** The id of an order in its channel. Throws ORDER_ID_EMPTY, ORDER_UNKNOWN. */
export function orderIdOf(text: string): string {
  if (text === "") throw fail(minishopErrors.ORDER_ID_EMPTY);
  if ([...text].length > maxOrderIdLength) throw fail(minishopErrors.ORDER_UNKNOWN);
  return text;
}

/** Throws USER_ID_EMPTY, USER_ID_MALFORMED. */
export function userIdOf(text: string): bigint {
  if (text === "") throw fail(minishopErrors.USER_ID_EMPTY);
  const id = parseId(text);
  if (id === undefined) throw fail(minishopErrors.USER_ID_MALFORMED);
  return id;
}

/** Throws FAILURE_ID_EMPTY, FAILURE_ID_MALFORMED. */
export function failureIdOf(text: string): bigint {
  if (text === "") throw fail(minishopErrors.FAILURE_ID_EMPTY);
  const id = parseId(text);
  if (id === undefined) throw fail(minishopErrors.FAILURE_ID_MALFORMED);
  return id;
}

/** A product in a flash-sale path. Throws PRODUCT_ID_INVALID. */
export function productIdOf(text: string): bigint {
  const id = parseId(text);
  if (id === undefined) throw fail(minishopErrors.PRODUCT_ID_INVALID);
  return id;
}

/** A buyer in a flash-sale path. Throws BUYER_ID_INVALID. */
export function buyerIdOf(text: string): bigint {
  const id = parseId(text);
  if (id === undefined) throw fail(minishopErrors.BUYER_ID_INVALID);
  return id;
}
