import fc from "fast-check";
import { expect, test } from "vitest";
import { databaseKinds } from "../../../test/support/databases.ts";
import { openForTest } from "../../../test/support/open-database.ts";
import { arrayLiteral } from "./array-literal.ts";
import { bigint, bytesOrNull, textOrNull } from "./column.ts";
import { insertRows } from "./insert.ts";
import type { Migration } from "./migration.ts";
import type { SqlValue } from "./sql.ts";

const valuesTable: Migration = {
  name: "0001-values",
  up: ({ types, createTable }) =>
    createTable(
      "kept",
      `id ${types.bigint} not null primary key,
       a ${types.longText},
       n ${types.bigint},
       raw ${types.blob},
       short ${types.text(3)}`,
    ),
  down: async ({ sql }) => void (await sql.run("drop table kept")),
};

const texts = fc.oneof(
  fc.constantFrom(
    "",
    "NULL",
    "null",
    '"',
    "\\",
    '\\"',
    "{}",
    "{a,b}",
    ",",
    " ",
    " a ",
    "\n",
    "\t",
    "'",
    "ü€😀",
    "$1",
    "?",
    "\\x00",
  ),
  fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", "")),
);

test.each(databaseKinds)(
  "%s keeps quotes, backslashes, NULLs, empty texts, Unicode and bytes of many rows",
  async (kind) => {
    const { database } = await openForTest(kind, [valuesTable]);
    const row = fc.record({
      a: fc.option(texts),
      n: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      raw: fc.option(fc.uint8Array()),
    });
    let next = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 2, maxLength: 40 }), async (rows) => {
        const first = next;
        next += rows.length;
        const values = rows.map(({ a, n, raw }, at): SqlValue[] => [first + at, a, n, raw]);
        expect(await insertRows(database.read, "kept", ["id", "a", "n", "raw"], values)).toBe(rows.length);
        const stored = await database.read.all("select a, n, raw from kept where id >= ? order by id", [first]);
        const seen = stored.map(({ a, n, raw }) => {
          const bytes = bytesOrNull(raw);
          return { a: textOrNull(a), n: n === null ? null : bigint(n), raw: bytes === null ? null : [...bytes] };
        });
        expect(seen).toEqual(rows.map(({ a, n, raw }) => ({ a, n, raw: raw === null ? null : [...raw] })));
      }),
      { numRuns: 60 },
    );
  },
);

test.each(["mysql", "postgres"] as const)("%s refuses a text that is too long among many rows", async (kind) => {
  const { database } = await openForTest(kind, [valuesTable]);
  const insert = insertRows(
    database.read,
    "kept",
    ["id", "short"],
    [
      [1, "abc"],
      [2, "abcd"],
    ],
  );
  await expect(insert).rejects.toMatchObject({ kind: "data-too-long" });
  expect(await database.read.all("select id from kept")).toEqual([]);
});

test("an array literal quotes every text", () => {
  expect(arrayLiteral(["a", "", "NULL", 'q"\\', null, 1, 2n, true, new Uint8Array([0, 255])])).toBe(
    '{"a","","NULL","q\\"\\\\",NULL,1,2,true,"\\\\x00ff"}',
  );
});
