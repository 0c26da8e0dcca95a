import type { IncomingMessage } from "node:http";

/** The start of a request of node:http or node:http2, read as far as somebody asks. */
export class RequestHead {
  readonly request: IncomingMessage;
  readonly method: string;
  readonly path: string;
  /** What follows the `?`. */
  readonly query: string;

  constructor(request: IncomingMessage) {
    const url = request.url ?? "";
    const mark = url.indexOf("?");
    this.request = request;
    this.method = request.method ?? "";
    this.path = mark === -1 ? url : url.slice(0, mark);
    this.query = mark === -1 ? "" : url.slice(mark + 1);
  }

  /** For whoever looks at `headers` of a web Request. */
  get headers(): Pick<Headers, "get"> {
    return this;
  }

  get(name: string): string | null {
    const value = this.request.headers[name.toLowerCase()];
    if (typeof value === "string") return value;
    return value === undefined ? null : value.join(", ");
  }

  toHeaders(): Headers {
    const headers = new Headers();
    for (const [name, value] of Object.entries(this.request.headers)) {
      // HTTP/2's pseudo-headers are none.
      if (value === undefined || name.startsWith(":")) continue;
      if (typeof value === "string") headers.append(name, value);
      else for (const part of value) headers.append(name, part);
    }
    return headers;
  }
}
