/** Where something is in a configuration: field names, indexes and keys from the top. */
export type Path = readonly (string | number)[];

/** A path for people, such as `static_resources.clusters[0].name`. */
export function pathText(path: Path): string {
  const parts = path.map((step) => {
    if (typeof step === "number") return `[${step}]`;
    return /^[A-Za-z_]\w*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  });
  return parts.join("").replace(/^\./, "");
}
