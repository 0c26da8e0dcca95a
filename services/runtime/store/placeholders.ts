/**
 * The text between a statement's `?` placeholders; one piece more than placeholders. A `?` inside a quoted text, a
 * quoted name or a comment is none.
 */
export function splitPlaceholders(sql: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  let at = 0;
  while (at < sql.length) {
    const char = sql[at];
    if (char === "?") {
      pieces.push(sql.slice(start, at));
      start = ++at;
    } else if (char === "'" || char === '"' || char === "`") {
      // A doubled quote inside closes and opens again: the same end.
      at = after(sql, char, at + 1);
    } else if (char === "-" && sql[at + 1] === "-") {
      at = after(sql, "\n", at + 2);
    } else if (char === "/" && sql[at + 1] === "*") {
      at = after(sql, "*/", at + 2);
    } else {
      at++;
    }
  }
  pieces.push(sql.slice(start));
  return pieces;
}

function after(sql: string, end: string, from: number): number {
  const found = sql.indexOf(end, from);
  return found < 0 ? sql.length : found + end.length;
}

/** `$1, $2, ...` in place of the `?`s, as PostgreSQL wants them. */
export function numberPlaceholders(sql: string): string {
  const pieces = splitPlaceholders(sql);
  let text = pieces[0] ?? "";
  for (let index = 1; index < pieces.length; index++) text += `$${index}${pieces[index]}`;
  return text;
}
