import type { Registry as TypeRegistry } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { HeaderReader } from "../../auth/authenticator.ts";
import { fail } from "../../errors/fail.ts";
import { sanitize } from "../../errors/sanitize.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Call, CallOrigin } from "../call.ts";
import type { UnaryEndpoint } from "../registry.ts";
import type { Codec, Codecs } from "./codec.ts";
import type { LaneHead } from "./lane.ts";
import { errorReply, type LaneReply, messageReply } from "./reply.ts";

export interface LaneOptions {
  /** What google.protobuf.Any may hold in JSON. */
  readonly types: TypeRegistry;
  /** One request message; more is RESOURCE_EXHAUSTED. */
  readonly messageBytes: number;
  readonly log: Logger;
}

/** What all calls of one method share. */
export interface LaneMethod {
  readonly endpoint: UnaryEndpoint;
  readonly codecs: Codecs;
  readonly options: LaneOptions;
}

/** One call on its way: the transport collects the body unless there is a refusal or a message already, then asks for the reply. */
export class LaneCall implements CallOrigin {
  readonly transport = "connect";
  /** Epoch milliseconds. */
  deadline: number | undefined;
  /** The answer, whatever the body holds. */
  refusal: ConnectError | undefined;
  /** The message, where it came with the head (GET). */
  message: Uint8Array | undefined;

  readonly #method: LaneMethod;
  readonly #head: LaneHead;
  readonly #codec: Codec;
  #trailer: Headers | undefined;
  #call: Call | undefined;

  constructor(method: LaneMethod, head: LaneHead, binary: boolean) {
    this.#method = method;
    this.#head = head;
    this.#codec = binary ? method.codecs.binary : method.codecs.json;
  }

  get headerReader(): HeaderReader {
    return this.#head;
  }

  get requestHeader(): () => Headers {
    return () => this.#head.toHeaders();
  }

  get responseTrailer(): Headers {
    this.#trailer ??= new Headers();
    return this.#trailer;
  }

  /** Most bytes that the body may have. */
  get messageBytes(): number {
    return this.#method.options.messageBytes;
  }

  /** Refuses a body before all of it is read. `size` is what the head promised, if it did. */
  refuseSize(size?: number): void {
    const text = `message size ${size === undefined ? "" : `${size} `}is larger than configured readMaxBytes ${this.messageBytes}`;
    this.refusal ??= new ConnectError(text, Code.ResourceExhausted);
  }

  /** Runs the call. Never rejects. */
  async reply(body: Uint8Array): Promise<LaneReply> {
    try {
      if (this.refusal !== undefined) throw this.refusal;
      if (body.byteLength > this.messageBytes) {
        this.refuseSize(body.byteLength);
        throw this.refusal;
      }
      const { endpoint } = this.#method;
      const request = this.#codec.decode(body);
      const call = endpoint.start(this);
      this.#call = call;
      const message = await endpoint.invoke(request, call);
      const meta = { header: call.madeResponseHeader, trailer: this.#trailer };
      const reply = messageReply(this.#codec, message, meta, this.#head);
      return reply instanceof Promise ? await reply : reply;
    } catch (error) {
      return await this.#errorReply(error);
    } finally {
      this.#call = undefined;
    }
  }

  /** The caller has gone away. */
  leave(): void {
    this.#call?.interrupt(fail("CANCELLED"));
  }

  #errorReply(error: unknown): LaneReply | Promise<LaneReply> {
    const { types, log } = this.#method.options;
    const meta = { header: this.#call?.madeResponseHeader, trailer: this.#trailer };
    try {
      // Only a reply that cannot be written, a defect of its handler, is no ConnectError.
      return errorReply(error instanceof ConnectError ? error : sanitize(error, log), types, meta, this.#head);
    } catch (unwritable) {
      return errorReply(sanitize(unwritable, log), types, meta, this.#head);
    }
  }
}
