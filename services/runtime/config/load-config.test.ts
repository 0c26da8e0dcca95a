import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StartupError } from "../lifecycle/startup-error.ts";
import { ConfigError } from "./config-error.ts";
import { loadConfig } from "./load-config.ts";
import { defineConfig, option } from "./option.ts";
import { configMarkdown, printConfig } from "./print-config.ts";
import { choice, decimal, integer, secretText, url } from "./values.ts";

const definition = defineConfig({
  PORT: option({ schema: integer(0, 65_535), default: 8080, doc: "The port.", reason: "Customary." }),
  COLOUR: option({ schema: choice("red", "green"), doc: "The colour.", reason: "None | both." }),
  DATABASE_URL: option({ schema: url("mysql"), doc: "The database.", reason: "None.", secret: "url" }),
  PASSWORD_OF_ALL: option({ schema: secretText(8), doc: "The password.", reason: "None.", secret: true }),
  RATIO: option({ schema: decimal(0, 1), default: 1, doc: "A part.", reason: "All." }),
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ordermesh-config-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function problems(
  env: Record<string, string>,
  options?: Parameters<typeof loadConfig<typeof definition>>[2],
): string[] {
  try {
    loadConfig(definition, env, options);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message.split("\n").slice(1);
  }
  return [];
}

describe("values", () => {
  test("are typed, with defaults, and frozen", () => {
    const values = loadConfig(definition, { PORT: "0", COLOUR: "red", RATIO: "0.25" });
    const port: number = values.PORT;
    const colour: "red" | "green" | undefined = values.COLOUR;
    expect({ port, colour }).toEqual({ port: 0, colour: "red" });
    expect(values).toMatchObject({ DATABASE_URL: undefined, RATIO: 0.25 });
    expect(Object.isFrozen(values)).toBe(true);
  });

  test("an empty variable is an unset one", () => {
    expect(loadConfig(definition, { PORT: "", PROT: "" }).PORT).toBe(8080);
  });

  test.each(["80a", "-1", "65536", "1e3", " 80", "0x50", "1.5", "99999999999999999999"])(
    "PORT=%s is refused",
    (PORT) => {
      expect(problems({ PORT })).toEqual([
        `  PORT: ${JSON.stringify(PORT)} is not valid; allowed: a whole number from 0 to 65535`,
      ]);
    },
  );

  test.each(["x", "//host", "http://host", "mysql:"])("DATABASE_URL=%s is refused", (DATABASE_URL) => {
    expect(problems({ DATABASE_URL })).toEqual([
      "  DATABASE_URL: its value is not valid; allowed: a URL that begins with mysql://",
    ]);
  });
});

describe("problems", () => {
  test("are told all at once, one line each, by an error that ends a start", () => {
    try {
      loadConfig(definition, { PORT: "x", COLOUR: "blue", PASSWORD_OF_ALL: "short" });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(StartupError);
      expect((error as Error).message).toBe(
        [
          "the configuration has 3 problems:",
          '  PORT: "x" is not valid; allowed: a whole number from 0 to 65535',
          '  COLOUR: "blue" is not valid; allowed: red, green',
          "  PASSWORD_OF_ALL: its value is not valid; allowed: at least 8 bytes",
        ].join("\n"),
      );
    }
  });

  test("quote no secret", () => {
    expect(problems({ PASSWORD_OF_ALL: "s3cret", DATABASE_URL: "pg://root:s3cret@db" }).join()).not.toContain("s3cret");
  });

  test("a broken rule is one, unless an option it looks at is wrong by itself", () => {
    const rule = {
      names: ["PORT", "COLOUR"],
      check: () => ({ name: "COLOUR", what: "does not suit PORT", allowed: "allowed: green" }),
    };
    expect(problems({}, { rules: [rule] })).toEqual(["  COLOUR: does not suit PORT; allowed: green"]);
    expect(problems({ PORT: "x" }, { rules: [rule] })).toHaveLength(1);
  });
});

describe("unknown names", () => {
  test.each([
    ["PROT", "PORT"],
    ["COLOR", "COLOUR"],
    ["DATABASE_URI", "DATABASE_URL"],
    ["DATABASE_URL_FLIE", "DATABASE_URL_FILE"],
    ["PASWORD_OF_AL", "PASSWORD_OF_ALL"],
  ])("%s: did you mean %s?", (name, meant) => {
    expect(problems({ [name]: "x" })).toEqual([`  ${name}: is not an option; did you mean ${meant}?`]);
  });

  test.each([
    "POST",
    "SPORT",
    "PORTS",
    "HOME",
    "PATH",
    "COLORS",
    "DATABASE_USER",
    "DATABASE_SSL",
    "MYSQL_DATABASE_URL",
  ])("%s is another program's", (name) => {
    expect(problems({ [name]: "x" })).toEqual([]);
  });

  test("under a prefix of ours every one is a problem", () => {
    expect(problems({ DATABASE_COLOUR: "x" }, { prefixes: ["DATABASE_"] })).toEqual([
      "  DATABASE_COLOUR: is not an option; allowed: DATABASE_URL",
    ]);
  });
});

describe("secrets from files", () => {
  test("are read without the line's end", () => {
    const file = join(folder, "password");
    writeFileSync(file, "correct horse\n");
    expect(loadConfig(definition, { PASSWORD_OF_ALL_FILE: file }).PASSWORD_OF_ALL).toBe("correct horse");
  });

  test("a file and a value are a problem, and so is a file that is not there", () => {
    expect(problems({ PASSWORD_OF_ALL: "correct horse", PASSWORD_OF_ALL_FILE: "/x" })).toEqual([
      "  PASSWORD_OF_ALL: is set, and so is PASSWORD_OF_ALL_FILE; allowed: one of them",
    ]);
    expect(problems({ PASSWORD_OF_ALL_FILE: "/nowhere/x" })).toEqual([
      "  PASSWORD_OF_ALL_FILE: /nowhere/x cannot be read (ENOENT); allowed: a readable file",
    ]);
  });

  test("only secrets have one", () => {
    expect(loadConfig(definition, { COLOUR_FILE: "/nowhere/x" }).COLOUR).toBeUndefined();
  });
});

describe("printConfig", () => {
  test("shows value, meaning, default and reason of every option", () => {
    const text = printConfig(definition, loadConfig(definition, { PORT: "9090" }));
    expect(text).toContain(
      [
        "PORT=9090",
        "    The port.",
        "    allowed: a whole number from 0 to 65535",
        "    default: 8080",
        "    why: Customary.",
      ].join("\n"),
    );
    expect(text).toContain("COLOUR=\n");
  });

  test("masks secrets and the passwords of URLs", () => {
    const env = { PASSWORD_OF_ALL: "correct horse", DATABASE_URL: "mysql://root:correct@db/orders" };
    const text = printConfig(definition, loadConfig(definition, env));
    expect(text).toContain("PASSWORD_OF_ALL=***\n");
    expect(text).toContain("DATABASE_URL=mysql://root:***@db/orders\n");
    expect(text).not.toContain("correct");
  });
});

test("configMarkdown is a table of all options", () => {
  const lines = configMarkdown(definition).trimEnd().split("\n");
  expect(lines).toHaveLength(2 + Object.keys(definition).length);
  expect(lines[2]).toBe("| `PORT` | 8080 | The port. Allowed: a whole number from 0 to 65535. | Customary. |");
  expect(lines[3]).toContain("None \\| both.");
  expect(lines[4]).toContain("`DATABASE_URL` or `DATABASE_URL_FILE`");
});

test("an option must say what it allows", () => {
  const schema = choice("a").meta({ description: undefined });
  expect(() => defineConfig({ X: option({ schema, doc: "", reason: "" }) })).toThrow("does not say what is allowed");
});
