import { maskUrlCredentials } from "../telemetry/mask-url.ts";
import { type ConfigDefinition, fileVariable, type Option } from "./option.ts";

/** Every option with its value, what is allowed, its default, what it does and why; for `--print-config`. */
export function printConfig(definition: ConfigDefinition, values: Readonly<Record<string, unknown>>): string {
  const blocks = Object.entries(definition).map(([name, option]) =>
    [
      `${name}=${shown(option, values[name])}`,
      `    ${option.doc}`,
      `    allowed: ${option.schema.description}`,
      `    default: ${defaultOf(option)}`,
      `    why: ${option.reason}`,
    ].join("\n"),
  );
  return `${blocks.join("\n\n")}\n`;
}

/** The same as a Markdown table, without values: the README's. */
export function configMarkdown(definition: ConfigDefinition): string {
  const rows = Object.entries(definition).map(([name, option]) => {
    const file = fileVariable(name, option);
    const names = file === undefined ? `\`${name}\`` : `\`${name}\` or \`${file}\``;
    const what = `${option.doc} Allowed: ${option.schema.description}.`;
    return `| ${[names, `${defaultOf(option)}`, what, option.reason].map(cell).join(" | ")} |`;
  });
  return ["| name | default | meaning | why this default |", "|---|---|---|---|", ...rows, ""].join("\n");
}

function shown(option: Option<unknown>, value: unknown): string {
  if (value === undefined) return "";
  return option.secret === true ? "***" : maskUrlCredentials(String(value));
}

function defaultOf(option: Option<unknown>): string {
  return option.defaultText ?? (String(option.default ?? "") || "unset");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
