import type { Socket } from "node:net";

export type HttpVersion = "http/1.1" | "h2";

/** The start of HTTP/2's connection preface (RFC 9113, section 3.4): no HTTP/1.1 method begins so. */
const prefaceStart = Buffer.from("PRI ");

/** What the first bytes of a connection tell; undefined while they may still become either. */
export function httpVersionOf(bytes: Buffer): HttpVersion | undefined {
  const seen = Math.min(bytes.length, prefaceStart.length);
  if (prefaceStart.compare(bytes, 0, seen, 0, seen) !== 0) return "http/1.1";
  return seen === prefaceStart.length ? "h2" : undefined;
}

/**
 * Reads as little of a new connection as tells its protocol, puts it back and hands the socket on. A connection that says
 * nothing for `timeoutMs` is closed.
 */
export function sniff(socket: Socket, timeoutMs: number, handOn: (socket: Socket, version: HttpVersion) => void): void {
  let received: Buffer | undefined;
  const timer = setTimeout(giveUp, timeoutMs);
  socket.on("readable", look).on("end", giveUp).on("close", stop);

  function look(): void {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    received = received === undefined ? chunk : Buffer.concat([received, chunk]);
    const version = httpVersionOf(received);
    if (version === undefined) return;
    stop();
    socket.unshift(received);
    handOn(socket, version);
  }

  function giveUp(): void {
    stop();
    socket.destroy();
  }

  function stop(): void {
    clearTimeout(timer);
    socket.off("readable", look).off("end", giveUp).off("close", stop);
  }
}
