import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "../../telemetry/logger.ts";
import type { RequestHead } from "../request-head.ts";
import type { Lane } from "./lane.ts";
import type { LaneCall } from "./lane-call.ts";
import type { LaneReply } from "./reply.ts";

const noBody = new Uint8Array();

/** Node writes head and body together if the body is text; copying it into one pays up to about this many bytes. */
const copiedBytes = 16_384;

/** Serves a request of node:http on the lane. False where the universal handler must: then the request is untouched. */
export function serveOnLane(lane: Lane, head: RequestHead, response: ServerResponse, log: Logger): boolean {
  const call = lane.accept(head);
  if (call === undefined) return false;
  // Node says so on the response alone: a request closes as soon as it is read.
  response.on("close", () => call.leave());
  const answer = (body: Uint8Array) => void deliver(call, body, head, response, log);
  if (call.refusal !== undefined) answer(noBody);
  else if (call.message !== undefined) answer(call.message);
  else readBody(head.request, call, answer);
  return true;
}

async function deliver(
  call: LaneCall,
  body: Uint8Array,
  head: RequestHead,
  response: ServerResponse,
  log: Logger,
): Promise<void> {
  try {
    send(response, await call.reply(body));
  } catch (error) {
    log.debug({ err: error, path: head.path }, "reply not delivered");
    response.destroy();
  }
}

function send(response: ServerResponse, { status, headers, body }: LaneReply): void {
  response.writeHead(status, headers);
  if (typeof body === "string" || body.byteLength > copiedBytes) response.end(body);
  else response.end(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1"), "latin1");
}

/** Hands the whole body on; one that is too large is refused as soon as it shows, and the rest of it read away. */
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
