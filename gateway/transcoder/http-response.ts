/** What of a response of node:http or of node:http2's compatibility API is used. */
export interface HttpResponse {
  readonly destroyed: boolean;
  readonly headersSent: boolean;
  readonly writableFinished: boolean;
  once(event: "close", listener: () => void): unknown;
  writeHead(status: number, headers: Record<string, string | number>): unknown;
  end(): unknown;
  end(body: Uint8Array): unknown;
  end(body: string, encoding: BufferEncoding): unknown;
  destroy(): unknown;
}
