import type { JsonTree } from "../../transcoder/json-tree.ts";
import { jsonReply, type Reply } from "../../transcoder/reply.ts";
import { pythonJson } from "./python-json.ts";

/** What pydantic says of a value. */
export interface Issue {
  readonly type: string;
  readonly msg: string;
  /** As JSON text: Python tells 0 from 0.0. */
  readonly ctx?: string;
}

/** The value as it goes on, or why not. */
export type Verdict = { readonly value: JsonTree } | { readonly issue: Issue };

export interface FieldRule {
  readonly name: string;
  /** `optional`: absent and null both mean that it is not given. */
  readonly presence: "required" | "optional";
  readonly check: (value: JsonTree) => Verdict;
}

/** A body as the fields of a model and nothing else, or all its issues in the order of the fields. */
export function checkModel(
  fields: readonly FieldRule[],
  body: JsonTree | undefined,
): { readonly tree: JsonTree } | { readonly reply: Reply } {
  if (body === undefined || body === null) return refusal([detail([], missing, null)]);
  if (!(body instanceof Map)) return refusal([detail([], notAnObject, body)]);
  const tree = new Map<string, JsonTree>();
  const details: string[] = [];
  for (const { name, presence, check } of fields) {
    const given = body.get(name);
    if (given === undefined && presence === "required") details.push(detail([name], missing, body));
    if (given === undefined || (given === null && presence === "optional")) continue;
    const verdict = check(given);
    if ("value" in verdict) tree.set(name, verdict.value);
    else details.push(detail([name], verdict.issue, given));
  }
  return details.length === 0 ? { tree } : refusal(details);
}

/** 422 for text that is no JSON: `offset` in characters. */
export function jsonInvalid(offset: number, error: string): Reply {
  const issue = { type: "json_invalid", msg: "JSON decode error", ctx: JSON.stringify({ error }) };
  return unprocessable([detail([offset], issue, new Map())]);
}

const missing: Issue = { type: "missing", msg: "Field required" };
const notAnObject: Issue = {
  type: "model_attributes_type",
  msg: "Input should be a valid dictionary or object to extract fields from",
};

function refusal(details: readonly string[]): { readonly reply: Reply } {
  return { reply: unprocessable(details) };
}

function unprocessable(details: readonly string[]): Reply {
  return jsonReply(422, `{"detail":[${details.join(",")}]}`, "application/json");
}

function detail(place: readonly (string | number)[], { type, msg, ctx }: Issue, input: JsonTree): string {
  const said = `"type":${JSON.stringify(type)},"loc":${JSON.stringify(["body", ...place])},"msg":${JSON.stringify(msg)}`;
  return `{${said},"input":${pythonJson(input)}${ctx === undefined ? "" : `,"ctx":${ctx}`}}`;
}
