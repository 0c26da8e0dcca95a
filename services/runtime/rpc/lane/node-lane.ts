import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "../../telemetry/logger.ts";
import type { RequestHead } from "../request-head.ts";
import type { Lane } from "./lane.ts";
import type { LaneCall } from "./lane-call.ts";

const noBody = new Uint8Array();

/** Serves a request of node:http on the lane. False where the universal handler must: then the request is untouched. */
export function serveOnLane(lane: Lane, head: RequestHead, response: ServerResponse, log: Logger): boolean {
  const call = lane.accept(head);
  if (call === undefined) return false;
  // Node says so on the response alone: a request closes as soon as it is read.
  response.on("close", () => call.leave());
  if (call.refusal === undefined && call.message === undefined) readBody(head.request, call, answer);
  else answer(call.message ?? noBody);
  return true;

  function answer(body: Uint8Array): void {
    call
      ?.reply(body)
      .then(({ status, headers, body: reply }) => {
        response.writeHead(status, headers).end(reply);
      })
      .catch((error: unknown) => {
        log.debug({ err: error, path: head.path }, "reply not delivered");
        response.destroy();
      });
  }
}

/** Hands the whole body on; a body that is too large is refused as soon as it shows, and the rest of it read away. */
function readBody(request: IncomingMessage, call: LaneCall, done: (body: Uint8Array) => void): void {
  const promised = request.headers["content-length"];
  if (promised !== undefined && Number(promised) > call.messageBytes) {
    call.refuseSize(Number(promised));
    // Node reads away what nobody began to read.
    done(noBody);
    return;
  }
  let body: Uint8Array = noBody;
  let size = 0;
  let chunks: Uint8Array[] | undefined;

  request.on("data", (chunk: Buffer) => {
    if (call.refusal !== undefined) return;
    size += chunk.length;
    if (size > call.messageBytes) {
      call.refuseSize();
      chunks = undefined;
      done(noBody);
    } else if (size === chunk.length) body = chunk;
    else {
      chunks ??= [body];
      chunks.push(chunk);
    }
  });
  request.on("end", () => {
    if (call.refusal === undefined) done(chunks === undefined ? body : Buffer.concat(chunks, size));
  });
}
