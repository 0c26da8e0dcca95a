/**
 * Whether a path of the build context is left out, by the patterns of a .dockerignore: the last that matches the path or a
 * folder above it counts, and `!` takes it in again.
 */
export function dockerignore(text: string): (path: string) => boolean {
  const patterns = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ ignores: !line.startsWith("!"), expression: expressionOf(line.replace(/^!/, "")) }));
  return (path) => patterns.findLast(({ expression }) => expression.test(path))?.ignores ?? false;
}

function expressionOf(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*\*\/|\*/g, (wildcard) => (wildcard === "*" ? "[^/]*" : "(?:.*/)?"));
  return new RegExp(`^${source}(?:/.*)?$`);
}
