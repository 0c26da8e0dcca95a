import fc from "fast-check";
import { expect, test } from "vitest";
import { JsonNumber, parseMessageJson } from "./message-json.ts";

const numbers = fc.stringMatching(/^-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?$/);

test("a number keeps its text, whether the body is written closely or with spaces", () => {
  fc.assert(
    fc.property(numbers, (number) => {
      for (const body of [`{"a":${number}}`, `{ "a" : ${number} }`]) {
        const fields = parseMessageJson(Buffer.from(body));
        expect(typeof fields === "string" ? fields : fields.get("a")).toEqual(new JsonNumber(number));
      }
    }),
  );
});
