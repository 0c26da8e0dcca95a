import { typeUrls } from "../resource-type.ts";
import { type Push, Session, type SotwRequest } from "../session.ts";
import { createSnapshot, type Snapshot } from "../snapshot.ts";
import { sotwRequest } from "./requests.ts";
import { cluster, endpoints, listener, route } from "./resources.ts";

const { cluster: cds, endpoint: eds, listener: lds, route: rds } = typeUrls;

/** A state-of-the-world session, asked and answered by hand. */
export class SotwStream {
  readonly session: Session;

  constructor(snapshot?: Snapshot, aggregated = true) {
    this.session = new Session({ protocol: "sotw", aggregated, now: () => 42 });
    if (snapshot !== undefined) this.session.source = snapshot;
  }

  ask(type: string, fields: Partial<SotwRequest> = {}) {
    return this.session.receiveSotw(sotwRequest(type, fields));
  }

  next(): Push | undefined {
    return this.session.next();
  }

  ack({ type, nonce, version }: Push, ...resourceNames: readonly string[]) {
    return this.ask(type.url, { responseNonce: nonce, versionInfo: version, resourceNames });
  }

  nack({ type, nonce }: Push, message: string, ...resourceNames: readonly string[]) {
    return this.ask(type.url, { responseNonce: nonce, resourceNames, errorDetail: { message } });
  }

  /** The next response, acknowledged. */
  take(...resourceNames: readonly string[]): Push {
    const push = this.next();
    if (push === undefined) throw new Error("nothing is sent");
    this.ack(push, ...resourceNames);
    return push;
  }

  /** What is sent until there is nothing more; throws when that never ends. */
  *pushes(): Generator<Push> {
    for (let turn = 0; turn < 50; turn += 1) {
      const push = this.next();
      if (push === undefined) return;
      yield push;
    }
    throw new Error("there is always more to send");
  }
}

/** Names in a response. */
export const names = (push: Push | undefined) => push?.resources.map(({ name }) => name).sort();

/** Two clusters, one listener, one route to the first; a revision changes the first cluster. */
export const two = (revision = 0) =>
  createSnapshot({
    clusters: [cluster("a", { timeoutMs: 1_000 + revision }), cluster("b")],
    endpoints: [endpoints("a", 1), endpoints("b", 2)],
    listeners: [listener("l", 80, "r")],
    routes: [route("r", "a")],
  });

/** A client that has everything of `two()`. */
export function settled(snapshot = two()): SotwStream {
  const stream = new SotwStream(snapshot);
  stream.ask(cds);
  stream.take();
  stream.ask(eds, { resourceNames: ["a", "b"] });
  stream.take("a", "b");
  stream.ask(lds);
  stream.take();
  stream.ask(rds, { resourceNames: ["r"] });
  stream.take("r");
  return stream;
}
