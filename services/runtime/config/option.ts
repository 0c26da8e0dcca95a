import type { z } from "zod";

/** One environment variable: what it takes, what it is without one, and why. */
export interface Option<T> {
  /** Turns the text into the value. Its description (`.describe`) says what is allowed, as in "allowed: ...". */
  readonly schema: z.ZodType<T>;
  readonly default: T;
  /** The default in words, where it depends on other options. */
  readonly defaultText?: string;
  /** What it does, one sentence. */
  readonly doc: string;
  /** Why the default is what it is. */
  readonly reason: string;
  /**
   * True: never shown. `url`: shown without its credentials. Either may come from a file named by `<NAME>_FILE`, and
   * its value stands in no message.
   */
  readonly secret?: true | "url";
}

/** Names of environment variables and what they take. Definitions are joined by spreading. */
export type ConfigDefinition = Readonly<Record<string, Option<unknown>>>;

/** The values of a definition; an option without default may be undefined. */
export type ConfigValues<D extends ConfigDefinition> = {
  readonly [K in keyof D]: D[K] extends Option<infer T> ? T : never;
};

type OptionSpec<T> = Omit<Option<T>, "default">;

/** An option with a default, or without one: then it is undefined when unset. */
export function option<T>(spec: OptionSpec<T> & { readonly default: NoInfer<T> }): Option<T>;
export function option<T>(spec: OptionSpec<T>): Option<T | undefined>;
export function option<T>(spec: OptionSpec<T> & { readonly default?: T }): Option<T | undefined> {
  return { ...spec, default: spec.default } as Option<T | undefined>;
}

/** Throws when a name is no environment variable's or a schema does not say what it allows. */
export function defineConfig<const D extends ConfigDefinition>(definition: D): D {
  for (const [name, { schema }] of Object.entries(definition)) {
    if (!/^[A-Z][A-Z0-9_<>]*$/.test(name)) throw new Error(`${name} is no name for an environment variable`);
    if (schema.description === undefined) throw new Error(`${name}: its schema does not say what is allowed`);
  }
  return Object.freeze(definition);
}

/** `<NAME>_FILE` of a secret option; undefined for the others. */
export function fileVariable(name: string, { secret }: Option<unknown>): string | undefined {
  return secret === undefined ? undefined : `${name}_FILE`;
}
