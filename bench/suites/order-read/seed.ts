import { type DatabaseKind, openStore, type Place } from "../../machine/order-store.ts";
import { connect } from "../../machine/plain-client.ts";

/** Each buyer has so many orders, spread over the whole time. */
export const ordersOfBuyer = 20;

export function orderId(number: number): string {
  return `ord_${String(number).padStart(16, "0")}`;
}

export function buyerId(buyer: number): string {
  return `buyer-${buyer}`;
}

/** How a database makes rows out of nothing, and what of that is spelled differently. */
interface Spelling {
  /** After `insert into t (...)`: `select ... from` a series of numbers `s.n`. */
  insertSelect(columns: string, count: number): string;
  padded(number: string): string;
  text(number: string): string;
  /** So many seconds after the beginning of 2026. */
  time(seconds: string): string;
  readonly analyze: readonly string[];
}

const spellings: Readonly<Record<DatabaseKind, Spelling>> = {
  mariadb: {
    insertSelect: (columns, count) => `select ${columns} from (select seq as n from seq_1_to_${count}) s`,
    padded: (number) => `lpad(${number}, 16, '0')`,
    text: (number) => `${number}`,
    time: (seconds) => `date_add('2026-01-01 00:00:00', interval (${seconds}) second)`,
    analyze: ["analyze table orders", "analyze table order_lines"],
  },
  postgres: {
    insertSelect: (columns, count) => `select ${columns} from generate_series(1, ${count}) as s(n)`,
    padded: (number) => `lpad(cast(${number} as text), 16, '0')`,
    text: (number) => `cast(${number} as text)`,
    time: (seconds) => `timestamptz '2026-01-01 00:00:00+00' + (${seconds}) * interval '1 second'`,
    analyze: ["vacuum analyze orders", "vacuum analyze order_lines"],
  },
  sqlite: {
    insertSelect: (columns, count) =>
      `with recursive s(n) as (select 1 union all select n + 1 from s where n < ${count}) select ${columns} from s`,
    padded: (number) => `printf('%016d', ${number})`,
    text: (number) => `cast(${number} as text)`,
    time: (seconds) => `strftime('%Y-%m-%d %H:%M:%f +00:00', 1767225600 + (${seconds}), 'unixepoch')`,
    analyze: ["analyze"],
  },
};

/** Stores so many orders of two lines each, in a fresh place. */
export async function seedOrders(kind: DatabaseKind, place: Place, count: number): Promise<void> {
  await (await openStore(place)).close();
  const { insertSelect, padded, text, time, analyze } = spellings[kind];
  const concat = (prefix: string, value: string) =>
    kind === "mariadb" ? `concat('${prefix}', ${value})` : `'${prefix}' || ${value}`;
  const id = concat("ord_", padded("n"));
  const at = time("n");
  const order: Readonly<Record<string, string>> = {
    id,
    number: "n",
    channel: "1",
    external_id: concat("X", text("n")),
    buyer_id: concat("buyer-", text(`n % ${count / ordersOfBuyer}`)),
    // None is pending: the sweeper has nothing to expire.
    status: "2 + n % 3",
    currency: "'CNY'",
    total_minor: "3750",
    activity_id: concat("act_", text("n % 100")),
    reservation_id: concat("rsv_", padded("n")),
    trace_id: "'4bf92f3577b34da6a3ce929d0e0e4736'",
    cancel_reason: "''",
    version: "1",
    created_at: at,
    updated_at: at,
    expires_at: time("n + 1800"),
  };
  const line = (nth: 1 | 2): Readonly<Record<string, string>> => ({
    number: `2 * n - ${2 - nth}`,
    order_id: id,
    product_id: text(`3000 + n % 7`),
    product_name: "'Rice, 5 kg'",
    quantity: String(nth),
    unit_price: "'12.50'",
    total_minor: String(nth * 1250),
    created_at: at,
    updated_at: at,
  });
  const client = await connect(place);
  for (const [table, row] of [
    ["orders", order],
    ["order_lines", line(1)],
    ["order_lines", line(2)],
  ] as const) {
    const columns = Object.keys(row).join(", ");
    await client.run(`insert into ${table} (${columns}) ${insertSelect(Object.values(row).join(", "), count)}`);
  }
  for (const statement of analyze) await client.run(statement);
  await client.close();
}
