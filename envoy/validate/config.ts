import { type DescMessage, fromJson, type JsonValue, type Message, type MessageShape } from "@bufbuild/protobuf";
import { BootstrapSchema } from "../gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { DiscoveryResponseSchema } from "../gen/envoy/service/discovery/v3/discovery_pb.js";
import { envoyTypes, messageOfTypeUrl } from "../types.ts";
import { checkRules } from "./check-rules.ts";
import { checkFields } from "./fields.ts";
import type { Path } from "./path.ts";
import { ConfigError, hasErrors, type Problem } from "./problem.ts";
import { readSource } from "./source.ts";

/** What became of a text. */
export interface ReadConfig<Desc extends DescMessage = DescMessage> {
  readonly schema: Desc;
  /** Absent where the text cannot be read as the message, or holds extensions of types that are unknown here. */
  readonly message?: MessageShape<Desc>;
  /** In the order of the text. */
  readonly problems: readonly Problem[];
}

/**
 * Reads YAML or JSON (of bytes, UTF-8) and checks it: the language, then all at once each field's name and kind and the rules
 * of Envoy's protos. Never throws. Without a schema the text itself says what it is: by "@type", as a discovery response by "resources", otherwise it
 * is a bootstrap.
 */
export function readConfig(text: string | Uint8Array): ReadConfig;
export function readConfig<Desc extends DescMessage>(text: string | Uint8Array, schema: Desc): ReadConfig<Desc>;
export function readConfig(text: string | Uint8Array, given?: DescMessage): ReadConfig {
  const source = readSource(text);
  const located = (problems: readonly Problem[]) => {
    const placed = problems.map((problem) => ({ ...source.locate(problem.path), ...problem }));
    return placed.sort((a, b) => a.line - b.line || a.column - b.column);
  };
  const { schema, content, problem } = kindOf(source.value, given);
  if (hasErrors(source.problems)) return { schema, problems: located(source.problems) };
  if (problem !== undefined) return { schema, problems: located([...source.problems, problem]) };

  const { json, problems, isComplete } = checkFields(schema, content);
  const message = fromJson(schema, json, { registry: envoyTypes });
  const unread = problems.filter(({ severity }) => severity === "error").map(({ path }) => path);
  const broken = checkRules(schema, message).filter(({ path }) => !unread.some((other) => isSameBranch(path, other)));
  const all = located([...source.problems, ...problems, ...broken]);
  return isComplete && unread.length === 0 ? { schema, message, problems: all } : { schema, problems: all };
}

/** What could not be read is left out, and so breaks the rules that ask for it or count it: said once is enough. */
function isSameBranch(rule: Path, unread: Path): boolean {
  const length = Math.min(rule.length, unread.length);
  return rule.slice(0, length).every((step, index) => protoName(step) === protoName(unread[index]));
}

/** Rules name fields as the proto does, texts may have JSON's names. */
function protoName(step: string | number | undefined): string {
  return String(step).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** As `readConfig`, for texts that should be right. Throws ConfigError with all errors there are. */
export function parseConfig<Desc extends DescMessage>(schema: Desc, text: string): MessageShape<Desc> {
  const { message, problems } = readConfig(text, schema);
  if (message === undefined || hasErrors(problems)) throw new ConfigError(problems);
  return message;
}

interface Kind {
  readonly schema: DescMessage;
  readonly content: JsonValue;
  readonly problem?: Problem;
}

function kindOf(json: JsonValue, given: DescMessage | undefined): Kind {
  if (json === null) {
    return {
      schema: given ?? BootstrapSchema,
      content: json,
      problem: { severity: "error", path: [], message: "is empty" },
    };
  }
  if (given !== undefined) return { schema: given, content: json };
  if (typeof json !== "object" || Array.isArray(json)) return { schema: BootstrapSchema, content: json };
  const { "@type": typeUrl, ...fields } = json;
  if (typeUrl === undefined) {
    return { schema: "resources" in json ? DiscoveryResponseSchema : BootstrapSchema, content: json };
  }
  const schema = typeof typeUrl === "string" ? messageOfTypeUrl(typeUrl) : undefined;
  if (schema !== undefined) return { schema, content: fields };
  const problem: Problem = { severity: "error", path: ["@type"], message: `unknown type ${JSON.stringify(typeUrl)}` };
  return { schema: BootstrapSchema, content: fields, problem };
}

/** Checks messages that were built, not read. */
export function assertValid<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc> & Message): void {
  const problems = checkRules(schema, message);
  if (hasErrors(problems)) throw new ConfigError(problems);
}
