import { z } from "zod";

// Schemas from an environment variable's text to a value; each says what it allows.

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number, unit = ""): z.ZodType<number> {
  return z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max)
    .describe(`a whole number from ${min} to ${max}${unit === "" ? "" : ` (${unit})`}`);
}

/** A decimal number from `min` to `max`. */
export function decimal(min: number, max: number): z.ZodType<number> {
  return z
    .string()
    .regex(/^\d{1,9}(\.\d{1,9})?$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max)
    .describe(`a number from ${min} to ${max}`);
}

/** A TCP port; 0 lets the system pick one. */
export const port: z.ZodType<number> = integer(0, 65_535);

/** One of a few words. */
export function choice<const T extends string>(...words: readonly [T, ...T[]]): z.ZodType<T> {
  return z.enum(words).describe(words.join(", "));
}

/** A text that matches `pattern`. */
export function text(pattern: RegExp, allowed: string): z.ZodType<string> {
  return z.string().regex(pattern).describe(allowed);
}

/** A text of at least so many bytes in UTF-8. */
export function secretText(minimumBytes: number): z.ZodType<string> {
  return z
    .string()
    .refine((value) => Buffer.byteLength(value) >= minimumBytes)
    .describe(`at least ${minimumBytes} bytes`);
}

/** Words that match `pattern`, separated by commas. */
export function list(pattern: RegExp, allowed: string): z.ZodType<readonly string[]> {
  return z
    .string()
    .transform((value) => value.split(",").map((word) => word.trim()))
    .refine((words) => words.every((word) => pattern.test(word)))
    .describe(allowed);
}

/** A URL of one of these schemes (`https`), kept as text. */
export function url(...schemes: readonly string[]): z.ZodType<string> {
  return z
    .string()
    .refine((value) => isUrl(value, schemes))
    .describe(`a URL that begins with ${alternatives(schemes)}`);
}

/** One or more URLs, separated by commas, kept as text. */
export function urlList(...schemes: readonly string[]): z.ZodType<string> {
  return z
    .string()
    .refine((value) => value.split(",").every((entry) => isUrl(entry.trim(), schemes)))
    .describe(`one or more URLs, separated by commas, that begin with ${alternatives(schemes)}`);
}

/** What `parse` makes of a text; its Error's message is shown, so it must not quote the text. */
export function parsed<T>(parse: (value: string) => T, allowed: string): z.ZodType<T> {
  return z
    .string()
    .transform((value, context) => {
      try {
        return parse(value);
      } catch (error) {
        context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
        return z.NEVER;
      }
    })
    .describe(allowed);
}

function isUrl(value: string, schemes: readonly string[]): boolean {
  return URL.canParse(value) && schemes.some((scheme) => value.toLowerCase().startsWith(`${scheme}://`));
}

function alternatives(schemes: readonly string[]): string {
  return schemes.map((scheme) => `${scheme}://`).join(", ");
}
