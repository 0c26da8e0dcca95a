import type { ConnectError } from "@connectrpc/connect";
import { httpStatusOf, reasonOf, retryAfterMsOf } from "@ordermesh/runtime/errors/inspect.ts";
import { type Problem, problemToError } from "../../transcoder/problem.ts";
import { jsonReply, type Reply } from "../../transcoder/reply.ts";
import type { RestRequest } from "../../transcoder/rest-request.ts";
import { jsonSyntaxReply, unreadableBody } from "./json-syntax.ts";
import { texts } from "./texts.ts";

export const contentType = "application/json";

/** What Starlette and FastAPI answer to a request that is no call (contract 1, 7.1, 7.6). */
export function problemReply(problem: Problem, request: RestRequest): Reply {
  switch (problem.kind) {
    case "method-not-allowed":
      return detailReply(405, "Method Not Allowed", { allow: problem.allow.join(", ") });
    case "json-syntax":
      return jsonSyntaxReply(problem.error);
    case "media-type":
      // The original looks at no content encoding: compressed bytes are no text.
      return unreadableBody;
    case "field":
      return problem.source === "path" ? unknownName(request) : errorReply(problemToError(problem));
    case "not-found":
      return detailReply(404, "Not Found");
    default:
      // Bad percent-encoding names no path; every other problem is a bad request.
      if (problem.kind === "malformed" && problem.source === "path") return detailReply(404, "Not Found");
      return errorReply(problemToError(problem));
  }
}

/** A name in the path that nobody can have, for it holds U+0000: answered as any other unknown one (contract 1.3, 1.4). */
function unknownName({ path }: RestRequest): Reply {
  const name = decodeURIComponent(/^\/(?:orders|users)\/([^/]*)/.exec(path)?.[1] ?? "");
  const refusal = path.startsWith("/users/")
    ? { success: false, message: texts.noCurrent(name), task: null }
    : { success: false, message: texts.unknownTask(name), task_id: null, task_uuid: null };
  return jsonReply(200, JSON.stringify(refusal), contentType);
}

/** A failure that is no refusal of a task: who calls, or how often. */
export function errorReply(error: ConnectError): Reply {
  const headers: Record<string, string> = {};
  const retryAfterMs = retryAfterMsOf(error);
  if (retryAfterMs !== undefined) headers["retry-after"] = String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
  const status = httpStatusOf(error);
  if (status === 401) {
    headers["www-authenticate"] = reasonOf(error) === "TOKEN_EXPIRED" ? 'Bearer error="invalid_token"' : "Bearer";
  }
  return detailReply(status, error.rawMessage, headers);
}

function detailReply(status: number, detail: string, headers?: Record<string, string>): Reply {
  return jsonReply(status, JSON.stringify({ detail }), contentType, headers);
}
