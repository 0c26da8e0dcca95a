/** An HTTP answer before it is written. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Absent: no body and no content type. */
  readonly body?: string | Uint8Array;
}

/** A JSON answer; `contentType` is the surface's spelling of it. */
export function jsonReply(
  status: number,
  body: string,
  contentType: string,
  headers?: Readonly<Record<string, string>>,
): Reply {
  return { status, headers: { "content-type": contentType, ...headers }, body };
}
