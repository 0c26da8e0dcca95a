import type { DescMethod } from "@bufbuild/protobuf";
import { type JsonReadRules, readJson } from "./json-reader.ts";
import { JsonSyntaxError } from "./json-syntax-error.ts";
import type { JsonTree } from "./json-tree.ts";
import { RequestProblem } from "./problem.ts";
import type { RestRequest } from "./rest-request.ts";
import type { BodyVerdict, RequestBody, Surface } from "./surface.ts";

/** A body as the surface's rules take it: a tree, nothing, or the surface's own refusal. Throws RequestProblem. */
export function bodyTree(
  surface: Surface,
  method: DescMethod,
  checked: boolean,
  bytes: Buffer,
  request: RestRequest,
): BodyVerdict {
  const body = parse(surface, bytes, request);
  if (checked && surface.checkBody !== undefined) return surface.checkBody(method, body, request);
  if (body.kind === "other") throw mediaType(body.contentType);
  return { tree: body.kind === "json" ? body.tree : undefined };
}

function parse(surface: Surface, bytes: Buffer, request: RestRequest): RequestBody {
  if (bytes.length === 0) return { kind: "absent" };
  const contentType = request.headers["content-type"] ?? "";
  switch (surface.body.contentTypes) {
    case "json":
      if (!isJson(contentType)) throw mediaType(contentType);
      break;
    case "json-or-absent":
      if (contentType !== "" && !isJson(contentType)) {
        return { kind: "other", contentType, text: bytes.toString("utf8") };
      }
  }
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding.toLowerCase() !== "identity") throw mediaType(`${contentType} in ${encoding}`);
  return { kind: "json", tree: parseJson(bytes, surface.dialect.read) };
}

function parseJson(bytes: Buffer, rules: JsonReadRules): JsonTree {
  try {
    return readJson(bytes, rules);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new RequestProblem({ kind: "json-syntax", error });
    throw error;
  }
}

/** `application/json` and `application/*+json`, with any parameters. */
function isJson(contentType: string): boolean {
  return /^application\/(?:[\w.-]+\+)?json *(?:;|$)/i.test(contentType);
}

function mediaType(received: string): RequestProblem {
  return new RequestProblem({ kind: "media-type", received });
}
