import { connect, type Socket } from "node:net";

/** A TCP connection on which a test writes what it likes. */
export class RawConnection implements Disposable {
  readonly socket: Socket;
  received: Buffer = Buffer.alloc(0);
  closed = false;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1" });
    this.socket.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
    });
  }

  get text(): string {
    return this.received.toString("latin1");
  }

  /** Types of the HTTP/2 frames that have arrived whole. */
  get frameTypes(): number[] {
    const types: number[] = [];
    for (let at = 0; at + 9 <= this.received.length; at += 9 + this.received.readUIntBE(at, 3)) {
      types.push(this.received[at + 3] ?? -1);
    }
    return types;
  }

  send(data: string | Uint8Array): this {
    this.socket.write(data);
    return this;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

export const frameType = { headers: 1, resetStream: 3, settings: 4, ping: 6, goaway: 7 } as const;

/** HTTP/2 frame (RFC 9113, section 4.1). */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** What an HTTP/2 client sends first. */
export const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0)]);

/** `POST <path>` to localhost with literal headers (RFC 7541, section 6.2.2). */
export function headersFrame(stream: number, path: string, flags: number): Buffer {
  const block = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "localhost"],
  ].map(([name = "", value = ""]) =>
    Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]),
  );
  return frame(frameType.headers, flags, stream, Buffer.concat(block));
}
