import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { createLogger } from "./logger.ts";
import { prettyLine } from "./pretty.ts";

function capture(options: { level?: "debug" | "info"; format?: "json" | "pretty" } = {}) {
  const lines: string[] = [];
  const logger = createLogger({
    service: "order",
    ...options,
    destination: { write: (line) => void lines.push(line) },
  });
  return { logger, text: () => lines.join(""), last: () => JSON.parse(lines.at(-1) ?? "null") };
}

describe("a line", () => {
  test("is JSON with level, UTC time, service, fields and message", () => {
    const { logger, last } = capture();
    logger.info({ orders: 3 }, "stored");
    expect(last()).toMatchObject({ level: "info", service: "order", orders: 3, msg: "stored" });
    expect(last().time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test("below the level is not written", () => {
    const { logger, text } = capture({ level: "info" });
    logger.debug("x");
    expect(text()).toBe("");
  });

  test("holds 64-bit integers as they are", () => {
    const { logger, text } = capture();
    logger.info({ id: 9007199254740993n, nested: { id: 9007199254740993n } }, "big");
    expect(text().match(/9007199254740993/g)).toHaveLength(2);
  });
});

describe("personal data and secrets", () => {
  const person = "Zhang-San-7";

  test.each([
    ["receiver_name"],
    ["receiverName"],
    ["receiver_address"],
    ["receiverPhone"],
    ["alipay_trade_no"],
    ["Authorization"],
    ["set-cookie"],
    ["x-api-key"],
    ["password"],
    ["refreshToken"],
    ["requestBody"],
  ])("%s is redacted at any depth", (name) => {
    const { logger, text } = capture();
    const fields = { [name]: person };
    logger.info({ ...fields, a: { b: { c: fields } }, list: [{ ...fields }], map: new Map([["order", fields]]) }, "x");
    expect(text()).not.toContain(person);
    expect(text().match(/\[redacted\]/g)).toHaveLength(4);
  });

  test("is redacted in the bindings of children and grandchildren", () => {
    const { logger, text } = capture();
    logger
      .child({ receiver_name: person })
      .child({ order: { phone: person } })
      .info("x");
    expect(text()).toContain('"receiver_name":"[redacted]"');
    expect(text()).not.toContain(person);
  });

  test("request headers are redacted", () => {
    const { logger, text } = capture();
    logger.info({ headers: new Headers({ authorization: `Bearer ${person}`, accept: "*/*" }) }, "x");
    expect(text()).toContain("*/*");
    expect(text()).not.toContain(person);
  });

  test("bytes are bodies: only their length is written", () => {
    const { logger, last } = capture();
    logger.info({ data: Buffer.from(person) }, "x");
    expect(last().data).toBe("[11 bytes]");
  });

  test("a driver's error leaves its statement and parameters behind", () => {
    const { logger, text, last } = capture();
    const error = Object.assign(new Error("deadlock", { cause: new Error("socket closed") }), {
      code: "ER_LOCK_DEADLOCK",
      sql: `insert into t values ('${person}')`,
      parameters: [person],
    });
    logger.error({ err: error }, "x");
    expect(last().err).toMatchObject({
      message: "deadlock",
      code: "ER_LOCK_DEADLOCK",
      cause: { message: "socket closed" },
    });
    expect(text()).not.toContain(person);
  });

  test.each([
    `Duplicate entry '${person}' for key 'tasks.uq_name'`,
    `Duplicate entry 'O'${person}'s' for key 'tasks.uq_name'`,
    `Incorrect string value: '${person}' for column \`orders\`.\`name\` at row 1`,
    `Truncated incorrect datetime value: '${person}' for column 'at' at row 1`,
    `invalid input syntax for type bigint: "${person}"`,
    `value "${person}" is out of range for type bigint`,
    `Unexpected token 'Z', "{"name": ${person}" is not valid JSON`,
  ])("a value that an error quotes is masked: %s", (message) => {
    const { logger, text, last } = capture();
    logger.error({ err: new Error("failed", { cause: new Error(message) }) }, "x");
    expect(text()).not.toContain(person);
    expect(last().err.cause.message).toContain("'***'");
  });

  test("the names in an error stay", () => {
    const { logger, last } = capture();
    logger.error({ err: new Error("Duplicate entry 'x' for key 'tasks.uq_name'") }, "x");
    expect(last().err.message).toBe("Duplicate entry '***' for key 'tasks.uq_name'");
  });

  test("credentials in URLs are masked, in fields and in errors", () => {
    const { logger, text } = capture();
    const url = `mysql://root:${person}@db/orders`;
    logger.error({ url, target: new URL(url), err: new Error(`cannot reach ${url}`) }, "x");
    expect(text()).not.toContain(person);
  });

  test("the caller's object stays as it was", () => {
    const { logger } = capture();
    const fields = { order: { phone: person } };
    logger.info(fields, "x");
    expect(fields.order.phone).toBe(person);
  });

  test("a cycle does not end the process", () => {
    const { logger, text } = capture();
    const loop: Record<string, unknown> = { phone: person };
    loop.self = loop;
    logger.info({ loop }, "x");
    expect(text()).toContain("[deep]");
  });
});

describe("format pretty", () => {
  test("shows time, level, message and fields", () => {
    const { logger, text } = capture({ format: "pretty" });
    logger.warn({ orders: 3, note: "two words" }, "stored");
    expect(text()).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}stored orders=3 note="two words"\n$/);
  });

  test("shows stacks and causes below", () => {
    const { logger, text } = capture({ format: "pretty" });
    logger.error({ err: new Error("outer", { cause: new Error("inner") }) }, "failed");
    expect(text()).toMatch(/failed\n {2}Error: outer\n {2} {4}at [\s\S]*caused by:\n {2}Error: inner/);
  });

  test("a value cannot forge a line or drive the terminal", () => {
    const { logger, text } = capture({ format: "pretty" });
    logger.info({ user: "x\n00:00:00.000 FATAL hacked", name: "\u001b[2J" }, "a\nb");
    expect(text().match(/\n/g)).toHaveLength(1);
    expect(text()).not.toContain("\u001b");
  });

  test("a line that is not JSON passes", () => {
    expect(prettyLine("plain\n")).toBe("plain\n");
  });
});

test("the default destination is standard error, and the last lines before an exit are there", () => {
  const url = new URL("./logger.ts", import.meta.url).href;
  const script = `import { createLogger } from ${JSON.stringify(url)};
    const log = createLogger({ service: "x" });
    for (let i = 1; i <= 1000; i++) log.info({ i }, "line");
    process.exit(3);`;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(child.status).toBe(3);
  expect(child.stdout).toBe("");
  expect(child.stderr.trim().split("\n")).toHaveLength(1000);
});
