/** Characters that mean something to HTML or to old JavaScript; in JSON they stand in texts only. */
const meaningful = /[<>&\u2028\u2029]/g;

/** A JSON text whose strings are safe inside HTML, as Go's encoding/json writes them (`\u003c`). */
export function escapeForHtml(json: string): string {
  return json.replace(meaningful, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
