import { describe, expect, test } from "vitest";
import { start } from "./testing/start.ts";

const valid = {
  user_name: "u",
  shop_name: "s",
  product_url: "https://a.example/",
  product_price: 1,
  product_sku: "k",
};

/** The one detail of the answer to a valid body with one member changed; `value` is JSON text. */
async function detailOf(field: string, value: string): Promise<unknown> {
  const { ask, created } = await start();
  const isCreate = field in valid;
  const members = Object.entries(isCreate ? { ...valid, [field]: undefined } : { task_uuid: "t", [field]: undefined })
    .filter(([name]) => name !== field)
    .map(([name, one]) => `${JSON.stringify(name)}:${JSON.stringify(one)}`);
  const body = `{${[...members, `"${field}":${value}`].join(",")}}`;
  const answer = await ask(isCreate ? "POST /product" : "PUT /order/update", body);
  expect(answer.status).toBe(422);
  expect(created).toEqual([]);
  const [first, ...others] = (answer.json as { detail: unknown[] }).detail;
  expect(others).toEqual([]);
  return first;
}

test.each(Object.keys(valid))("ordertracker 1.6 field absent: %s", async (name) => {
  const { ask } = await start();
  const body = Object.fromEntries(Object.entries(valid).filter(([key]) => key !== name));
  const answer = await ask("POST /product", body);
  expect(answer).toMatchObject({ status: 422, headers: { "content-type": "application/json" } });
  expect(answer.json).toEqual({
    detail: [{ type: "missing", loc: ["body", name], msg: "Field required", input: body }],
  });
});

test.each([
  ["1.6 no body", undefined],
  ["7.1 JSON null", "null"],
])("ordertracker %s", async (_name, body) => {
  const { ask } = await start();
  expect((await ask("POST /product", body)).body).toBe(
    '{"detail":[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]}',
  );
});

test.each([
  ["[]", "[]"],
  ['"x"', '"x"'],
  ["1.50", "1.5"],
  ["false", "false"],
])("ordertracker 7.1 a body that is not an object: %s", async (body, input) => {
  const { ask } = await start();
  const answer = await ask("POST /product", body);
  expect(answer.status).toBe(422);
  expect(answer.body).toBe(
    `{"detail":[{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":${input}}]}`,
  );
});

test("ordertracker 1.6 several errors, in the order of the fields", async () => {
  const { ask } = await start();
  const answer = await ask(
    "POST /product",
    '{"product_sku":null,"user_name":"","shop_name":5,"product_url":5,"product_price":"x"}',
  );
  expect(answer.body).toBe(
    '{"detail":[' +
      '{"type":"string_too_short","loc":["body","user_name"],"msg":"String should have at least 1 character","input":"","ctx":{"min_length":1}},' +
      '{"type":"string_type","loc":["body","shop_name"],"msg":"Input should be a valid string","input":5},' +
      '{"type":"url_type","loc":["body","product_url"],"msg":"URL input should be a string or URL","input":5},' +
      '{"type":"float_parsing","loc":["body","product_price"],"msg":"Input should be a valid number, unable to parse string as a number","input":"x"},' +
      '{"type":"string_type","loc":["body","product_sku"],"msg":"Input should be a valid string","input":null}]}',
  );
});

test.each([
  ["null", null],
  ["5", 5],
  ["{}", {}],
])("ordertracker 1.6 %s for a string", async (value, input) => {
  expect(await detailOf("user_name", value)).toEqual({
    type: "string_type",
    loc: ["body", "user_name"],
    msg: "Input should be a valid string",
    input,
  });
});

test.each(["user_name", "shop_name", "product_sku"])("ordertracker 1.6 empty string: %s", async (field) => {
  expect(await detailOf(field, '""')).toEqual({
    type: "string_too_short",
    loc: ["body", field],
    msg: "String should have at least 1 character",
    input: "",
    ctx: { min_length: 1 },
  });
});

test.each([
  ["1.6", "user_name", 100],
  ["7.4", "shop_name", 200],
  ["1.6", "product_sku", 100],
  ["1.3", "receiver_name", 100],
  ["7.4", "receiver_address", 500],
  ["7.4", "receiver_phone", 20],
  ["7.10", "order_id", 100],
  ["7.10", "alipay_trade_no", 100],
  ["7.10", "error_message", 10_000],
])("ordertracker %s too long, in characters: %s", async (_section, field, max) => {
  const input = "😀".repeat(max + 1);
  expect(await detailOf(field, JSON.stringify(input))).toEqual({
    type: "string_too_long",
    loc: ["body", field],
    msg: `String should have at most ${max} characters`,
    input,
    ctx: { max_length: max },
  });
});

test("ordertracker 1.2 100 characters beyond the basic plane are not too long", async () => {
  const { ask } = await start();
  expect(await ask("POST /product", { ...valid, user_name: "😀".repeat(100) })).toMatchObject({ status: 200 });
});

test("ordertracker 1.2 a NUL, which not every database stores, is 422 in the shape of 1.6", async () => {
  expect(await detailOf("shop_name", '"a\\u0000"')).toEqual({
    type: "string_pattern_mismatch",
    loc: ["body", "shop_name"],
    msg: "String should match pattern '^[^\\x00]*$'",
    input: "a\0",
    ctx: { pattern: "^[^\\x00]*$" },
  });
});

describe("product_price", () => {
  const aboveZero = { type: "greater_than", msg: "Input should be greater than 0", ctx: { gt: 0 } };
  const parsing = {
    type: "float_parsing",
    msg: "Input should be a valid number, unable to parse string as a number",
  };
  const floatType = { type: "float_type", msg: "Input should be a valid number" };
  const finite = { type: "finite_number", msg: "Input should be a finite number" };
  const tooMuch = {
    type: "less_than_equal",
    msg: "Input should be less than or equal to 99999999.99",
    ctx: { le: 99999999.99 },
  };
  test.each([
    ["1.6", "0", aboveZero],
    ["1.6", "-1.50", aboveZero],
    ["1.6", "false", aboveZero],
    ["1.6", '"0"', aboveZero],
    ["1.6", "-0.0049", aboveZero],
    ["1.6", "1e-400", aboveZero],
    ["1.6", '"x"', parsing],
    ["1.6", '""', parsing],
    ["1.6", '"0x10"', parsing],
    ["1.6", '"1__0"', parsing],
    ["1.6", '"１２"', parsing],
    ["7.3", '"NaN"', aboveZero],
    ["7.3", '"-inf"', aboveZero],
    ["7.3", "1e400", finite],
    ["7.3", '"Infinity"', finite],
    ["7.3", "null", floatType],
    ["7.3", "[]", floatType],
    ["7.3", "{}", floatType],
    ["7.3", `1${"0".repeat(400)}`, floatType],
    ["7.10", "99999999.995", tooMuch],
    ["7.10", "1e300", tooMuch],
  ])("ordertracker %s price %s", async (_section, value, expected) => {
    const input = JSON.parse(value);
    expect(await detailOf("product_price", value)).toEqual({ ...expected, loc: ["body", "product_price"], input });
  });

  test.each([
    ["-1.50", "-1.5"],
    ["-0", "0"],
    ["-0.0", "-0.0"],
    ["-1e5", "-100000.0"],
    ["-1e16", "-1e+16"],
    ["-0.00001", "-1e-05"],
    ["-0.00012", "-0.00012"],
    ["-12345678901234567890", "-12345678901234567890"],
  ])("ordertracker 1.6 input is what Python read: %s as %s", async (value, input) => {
    const { ask } = await start();
    const body = `{"user_name":"u","shop_name":"s","product_url":"http://a","product_price":${value},"product_sku":"k"}`;
    expect((await ask("POST /product", body)).body).toContain(`"input":${input},"ctx":{"gt":0.0}}]}`);
  });
});

test.each(["4", "0", "1.5", '"x"', '"二"', '""', "false", "[]", "99999999999999999999"])(
  "ordertracker 1.6 status %s",
  async (value) => {
    expect(await detailOf("order_status", value)).toEqual({
      type: "enum",
      loc: ["body", "order_status"],
      msg: "Input should be 1, 2 or 3",
      input: JSON.parse(value),
      ctx: { expected: "1, 2 or 3" },
    });
  },
);

test.each(["null", "5"])("ordertracker 1.3 task_uuid %s", async (value) => {
  const { ask } = await start();
  expect((await ask("PUT /order/update", `{"task_uuid":${value}}`)).json).toMatchObject({
    detail: [{ type: "string_type", loc: ["body", "task_uuid"] }],
  });
});

test("ordertracker 1.3 revision A needs a task_uuid, revision B's body does not", async () => {
  const { ask } = await start();
  expect((await ask("PUT /order/update", {})).json).toMatchObject({
    detail: [{ type: "missing", loc: ["body", "task_uuid"] }],
  });
  expect(await ask("PATCH /orders/u-1", {})).toMatchObject({ status: 200 });
});

describe("product_url", () => {
  test.each([
    ["1.6", "item/7", "relative URL without a base"],
    ["7.4", "", "input is empty"],
    ["7.4", "http://", "empty host"],
    ["7.4", "http://a b/", "invalid international domain name"],
    ["7.4", "http://a:99999/", "invalid port number"],
  ])("ordertracker %s not a URL: %j", async (_section, input, error) => {
    expect(await detailOf("product_url", JSON.stringify(input))).toEqual({
      type: "url_parsing",
      loc: ["body", "product_url"],
      msg: `Input should be a valid URL, ${error}`,
      input,
      ctx: { error },
    });
  });

  test("ordertracker 1.6 other scheme", async () => {
    expect(await detailOf("product_url", '"ftp://a/"')).toEqual({
      type: "url_scheme",
      loc: ["body", "product_url"],
      msg: "URL scheme should be 'http' or 'https'",
      input: "ftp://a/",
      ctx: { expected_schemes: "'http' or 'https'" },
    });
  });

  test("ordertracker 7.4 url_type", async () => {
    expect(await detailOf("product_url", "null")).toMatchObject({ type: "url_type", input: null });
  });

  test("ordertracker 7.4 url_too_long", async () => {
    const input = `http://a/${"x".repeat(2075)}`;
    expect(await detailOf("product_url", JSON.stringify(input))).toEqual({
      type: "url_too_long",
      loc: ["body", "product_url"],
      msg: "URL should have at most 2083 characters",
      input,
      ctx: { max_length: 2083 },
    });
  });

  test.each([
    ["plain", "x"],
    ["that normalisation makes longer", "\u{1f6d2}"],
  ])("ordertracker 7.4 2083 characters %s are not too long", async (_which, character) => {
    const { ask } = await start();
    const answer = await ask("POST /product", { ...valid, product_url: `http://a/${character.repeat(2074)}` });
    expect(answer.status).toBe(200);
  });
});
