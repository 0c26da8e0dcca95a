/** One segment of a path pattern. `rest` is `**`: the remaining segments, none or many. */
export type Segment =
  | { readonly kind: "literal"; readonly value: string }
  | { readonly kind: "one" }
  | { readonly kind: "rest" };

/** A part of the path that becomes a field: segments `start` up to `end` (exclusive; undefined: to the path's end). */
export interface Variable {
  readonly fieldPath: readonly string[];
  readonly start: number;
  readonly end: number | undefined;
  /** The pattern is more than one `*`: reserved characters stay percent-encoded (google/api/http.proto). */
  readonly multi: boolean;
}

export interface Template {
  readonly source: string;
  readonly segments: readonly Segment[];
  readonly variables: readonly Variable[];
  readonly verb: string | undefined;
}

/** A path template that http.proto's grammar does not have; the text shows the place. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
  readonly position: number;

  constructor(source: string, position: number, problem: string) {
    super(`path template "${source}", position ${position}: ${problem}`);
    this.position = position;
  }
}

/**
 * Parses a path template by the grammar of google/api/http.proto, to the letter: `**` comes last, a variable holds no
 * variable, nothing stands twice. Literals are written unescaped. Throws TemplateError.
 *
 *     Template = "/" Segments [ Verb ] ;    Segments = Segment { "/" Segment } ;
 *     Segment = "*" | "**" | LITERAL | Variable ;    Variable = "{" FieldPath [ "=" Segments ] "}" ;
 *     FieldPath = IDENT { "." IDENT } ;    Verb = ":" LITERAL ;
 */
export function parseTemplate(source: string): Template {
  return new Parser(source).template();
}

class Parser {
  readonly #source: string;
  readonly #segments: Segment[] = [];
  readonly #variables: Variable[] = [];
  #position = 0;

  constructor(source: string) {
    this.#source = source;
  }

  template(): Template {
    if (!this.#take("/")) throw this.#error('must begin with "/"');
    this.#readSegments(false);
    let verb: string | undefined;
    if (this.#take(":")) verb = this.#literal("a verb");
    if (this.#position < this.#source.length) {
      throw this.#error(verb === undefined ? 'expected "/", ":" or the end' : "a verb is the end of a template");
    }
    return { source: this.#source, segments: this.#segments, variables: this.#variables, verb };
  }

  #readSegments(inVariable: boolean): void {
    do this.#readSegment(inVariable);
    while (this.#take("/"));
  }

  #readSegment(inVariable: boolean): void {
    if (this.#segments.at(-1)?.kind === "rest") throw this.#error('"**" must be the last segment');
    if (this.#source.startsWith("**", this.#position)) {
      this.#position += 2;
      this.#segments.push({ kind: "rest" });
    } else if (this.#take("*")) {
      this.#segments.push({ kind: "one" });
    } else if (this.#peek() === "{") {
      if (inVariable) throw this.#error("a variable must not hold a variable");
      this.#readVariable();
    } else {
      const start = this.#position;
      const value = this.#literal("a segment");
      if (value === "." || value === "..") throw this.#error("a dot segment never matches", start);
      this.#segments.push({ kind: "literal", value });
    }
  }

  #readVariable(): void {
    const position = this.#position;
    this.#position += 1;
    const fieldPath = [this.#identifier()];
    while (this.#take(".")) fieldPath.push(this.#identifier());
    const name = fieldPath.join(".");
    if (this.#variables.some((other) => other.fieldPath.join(".") === name)) {
      throw this.#error(`variable "${name}" stands twice`, position);
    }
    const start = this.#segments.length;
    if (this.#take("=")) this.#readSegments(true);
    else this.#segments.push({ kind: "one" });
    if (!this.#take("}")) throw this.#error('expected "}"');
    const own = this.#segments.slice(start);
    this.#variables.push({
      fieldPath,
      start,
      end: own.at(-1)?.kind === "rest" ? undefined : this.#segments.length,
      multi: own.length > 1 || own[0]?.kind === "rest",
    });
  }

  #identifier(): string {
    return this.#run(/[A-Za-z_][A-Za-z0-9_]*/y, "a field name");
  }

  /** Characters of RFC 3986's pchar that the grammar gives no meaning of its own. */
  #literal(what: string): string {
    if (this.#peek() === "%") throw this.#error("literals are written unescaped");
    return this.#run(/[A-Za-z0-9\-._~!$&'()+,;@]+/y, what);
  }

  #run(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.#position;
    const text = pattern.exec(this.#source)?.[0];
    if (text === undefined) throw this.#error(`expected ${what}`);
    this.#position += text.length;
    return text;
  }

  #peek(): string {
    return this.#source.charAt(this.#position);
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#position += 1;
    return true;
  }

  #error(problem: string, position = this.#position): TemplateError {
    return new TemplateError(this.#source, position, problem);
  }
}
