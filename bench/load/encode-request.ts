import type { LoadRequest } from "./plan.ts";

const known = new WeakMap<LoadRequest, Buffer>();

/** The bytes of an HTTP/1.1 request; made once for a request that comes again. */
export function encodeRequest(request: LoadRequest, host: string): Buffer {
  const ready = known.get(request);
  if (ready !== undefined) return ready;
  const { method, path, headers = {}, body } = request;
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`;
  if (body !== undefined) head += `content-length: ${Buffer.byteLength(body)}\r\n`;
  head += "\r\n";
  const bytes =
    typeof body === "string" || body === undefined
      ? Buffer.from(head + (body ?? ""))
      : Buffer.concat([Buffer.from(head), body]);
  known.set(request, bytes);
  return bytes;
}
