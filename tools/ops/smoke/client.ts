import { Agent, request } from "undici";

/** Longest wait for one answer (milliseconds). */
const timeoutMs = 10_000;

/** Where the mesh or an instance is, and how to be let in. */
export interface Endpoint {
  /** `https://127.0.0.1:8443`. */
  readonly url: string;
  /** A bearer token; undefined: requests go without. */
  readonly token?: string | undefined;
  /** The authority of its certificate (PEM); undefined: those that Node trusts. */
  readonly ca?: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** HTTP requests of a smoke test. */
export class SmokeClient {
  readonly #endpoint: Endpoint;
  readonly #agent: Agent;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#agent = new Agent(endpoint.ca === undefined ? {} : { connect: { ca: endpoint.ca } });
  }

  /** Rejects when there is no answer. */
  async ask(method: "GET" | "POST", path: string, body?: object, wait = timeoutMs): Promise<Answer> {
    const { url, token } = this.#endpoint;
    const reply = await request(new URL(path, url), {
      method,
      dispatcher: this.#agent,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(wait),
    });
    const text = await reply.body.text();
    return { status: reply.statusCode, body: parsed(text) };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
