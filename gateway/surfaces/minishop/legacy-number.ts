/** The greatest int64: what the old services kept every id and page in. */
const maxInt64 = 9_223_372_036_854_775_807n;

/** A path's unsigned decimal id, as strconv.ParseUint reads it, within int64; undefined when it is none. */
export function parseId(text: string): bigint | undefined {
  if (!/^[0-9]{1,100}$/.test(text)) return undefined;
  const id = BigInt(text);
  return id > maxInt64 ? undefined : id;
}

/** A native id as the number that legacy clients know; 0 for one that was never a number. */
export function numberOfId(id: string): bigint {
  return parseId(id) ?? 0n;
}

/** One page of a list, by the old rules (docs/contracts/minishop.md 1.3, 9.3). */
export interface Paging {
  readonly page: bigint;
  readonly pageSize: number;
  /** Rows before the page: exact as far as any table reaches. */
  readonly skip: bigint;
}

const defaultPageSize = 10n;
const maxPageSize = 100n;

/** Bad and negative pages are 1; bad, negative and too large sizes are 10; a page beyond int64 is its maximum. */
export function parsePaging(page: string, pageSize: string): Paging {
  const number = atoi(page);
  const size = atoi(pageSize);
  const rows = size > 0n && size <= maxPageSize ? size : defaultPageSize;
  const at = number > 0n ? number : 1n;
  const skip = (at - 1n) * rows;
  const farthest = BigInt(Number.MAX_SAFE_INTEGER);
  return { page: at, pageSize: Number(rows), skip: skip > farthest ? farthest : skip };
}

/** strconv.Atoi with its error thrown away: no number is 0, one too large the greatest. */
function atoi(text: string): bigint {
  const digits = /^([+-]?)0*([0-9]+)$/.exec(text);
  if (digits === null) return 0n;
  const value = (digits[2] ?? "").length > 19 ? maxInt64 : BigInt(digits[2] ?? "0");
  if (digits[1] === "-") return -value;
  return value > maxInt64 ? maxInt64 : value;
}
