import { meshOptions } from "../options.ts";

/** Every variable of the supervisor with its default and reason. */
export function optionsHelp(): string {
  return Object.entries(meshOptions)
    .map(([name, { doc, default: value, defaultText, reason }]) => {
      const shown = defaultText ?? (typeof value === "object" ? "one of each" : String(value));
      return `  ${name}\n      ${doc} Default: ${shown}. ${reason}\n`;
    })
    .join("");
}
