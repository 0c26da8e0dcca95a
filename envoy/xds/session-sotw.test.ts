import { describe, expect, test } from "vitest";
import { typeUrls } from "./resource-type.ts";
import { type Push, Session, type SotwRequest } from "./session.ts";
import { createSnapshot, type Snapshot } from "./snapshot.ts";
import { sotwRequest } from "./testing/requests.ts";
import { cluster, endpoints, listener, route, service } from "./testing/resources.ts";

const { cluster: cds, endpoint: eds, listener: lds, route: rds } = typeUrls;

class Stream {
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

const names = (push: Push | undefined) => push?.resources.map(({ name }) => name).sort();

const two = (revision = 0) =>
  createSnapshot({
    clusters: [cluster("a", { timeoutMs: 1_000 + revision }), cluster("b")],
    endpoints: [endpoints("a", 1), endpoints("b", 2)],
    listeners: [listener("l", 80, "r")],
    routes: [route("r", "a")],
  });

/** A client that has everything of `two()`. */
function settled(snapshot = two()): Stream {
  const stream = new Stream(snapshot);
  stream.ask(cds);
  stream.take();
  stream.ask(eds, { resourceNames: ["a", "b"] });
  stream.take("a", "b");
  stream.ask(lds);
  stream.take();
  stream.ask(rds, { resourceNames: ["r"] });
  stream.take("r");
  expect(stream.next()).toBeUndefined();
  return stream;
}

describe("what a client asks for", () => {
  test("no names mean everything, for clusters and listeners", () => {
    const stream = new Stream(two());
    stream.ask(cds);
    expect(names(stream.next())).toEqual(["a", "b"]);
  });

  test("no names mean nothing for other types", () => {
    const stream = new Stream(two());
    stream.ask(eds);
    expect(stream.next()).toBeUndefined();
  });

  test("* means everything, next to names too", () => {
    const stream = new Stream(two());
    stream.ask(cds, { resourceNames: ["*", "a"] });
    expect(names(stream.next())).toEqual(["a", "b"]);
  });

  test("names without * end the wildcard", () => {
    const stream = new Stream(two());
    stream.ask(cds);
    stream.take("a");
    expect(names(stream.next())).toEqual(["a"]);
  });

  test("an empty list after names means nothing", () => {
    const stream = new Stream(two());
    stream.ask(cds, { resourceNames: ["a"] });
    stream.take();
    expect(names(stream.next())).toEqual([]);
  });

  test("a cluster nobody knows is answered with an empty full state", () => {
    const stream = new Stream(two());
    stream.ask(cds, { resourceNames: ["nobody"] });
    expect(names(stream.next())).toEqual([]);
  });

  test("endpoints that come into being are sent then", () => {
    const stream = new Stream(createSnapshot({}));
    stream.ask(eds, { resourceNames: ["a"] });
    expect(stream.next()).toBeUndefined();
    stream.session.source = two();
    expect(names(stream.next())).toEqual(["a"]);
  });

  test("a name asked for anew is sent again, unchanged or not", () => {
    const stream = settled();
    const last = stream.session;
    stream.ask(eds, { resourceNames: ["a"], responseNonce: "2" });
    stream.ask(eds, { resourceNames: ["a", "b"], responseNonce: "2" });
    expect(names(last.next())).toEqual(["b"]);
  });

  test("nothing is answered before there is a snapshot", () => {
    const stream = new Stream();
    stream.ask(cds);
    expect(stream.next()).toBeUndefined();
    stream.session.source = two();
    expect(names(stream.next())).toEqual(["a", "b"]);
  });

  test("a type that is in no snapshot stays unanswered and disturbs nothing", () => {
    const stream = new Stream(two());
    stream.ask("type.googleapis.com/some.Thing", { resourceNames: ["x"] });
    stream.ask(cds);
    expect(stream.next()?.type.url).toBe(cds);
    expect(stream.next()).toBeUndefined();
  });
});

describe("nonces", () => {
  test("every response has its own", () => {
    const stream = new Stream(two());
    stream.ask(cds);
    const first = stream.take();
    stream.session.source = two(1);
    expect(stream.next()?.nonce).not.toBe(first.nonce);
  });

  test("a stale one is neither ACK nor NACK nor a change of names", () => {
    const stream = new Stream(two(), false);
    stream.ask(eds, { resourceNames: ["a"] });
    const first = stream.take("a");
    stream.session.source = createSnapshot({ endpoints: [endpoints("a", 3), endpoints("b", 4)] });
    expect(names(stream.next())).toEqual(["a"]);
    const reply = stream.ask(eds, { resourceNames: ["a", "b"], responseNonce: first.nonce });
    expect(reply.kind).toBe("stale");
    expect(stream.next()).toBeUndefined();
  });

  test("what a stale request leaves out is sent again when it is named again", () => {
    const stream = new Stream(two(), false);
    stream.ask(eds, { resourceNames: ["a", "b"] });
    const first = stream.take("a", "b");
    stream.session.source = createSnapshot({ endpoints: [endpoints("a", 3), endpoints("b", 2)] });
    const last = stream.take("a", "b");
    stream.ask(eds, { resourceNames: ["a"], responseNonce: first.nonce });
    stream.ask(eds, { resourceNames: ["a", "b"], responseNonce: last.nonce });
    expect(names(stream.next())).toEqual(["b"]);
  });

  test("one that another stream gave counts as none", () => {
    const stream = new Stream(two());
    expect(stream.ask(cds, { responseNonce: "17" }).kind).toBe("request");
    expect(names(stream.next())).toEqual(["a", "b"]);
  });
});

describe("versions", () => {
  test("a version that is acknowledged is not sent again", () => {
    const stream = settled();
    stream.session.source = two();
    expect(stream.next()).toBeUndefined();
  });

  test("clusters come all at once, endpoints only as far as they changed", () => {
    const stream = settled();
    stream.session.source = two(1);
    expect(names(stream.take())).toEqual(["a", "b"]);
    expect(names(stream.take("a", "b"))).toEqual(["a"]);
  });

  test("a client that slept through ten versions gets the last one only", () => {
    const stream = new Stream(two());
    stream.ask(cds);
    const first = stream.next() as Push;
    for (let revision = 1; revision <= 10; revision += 1) {
      stream.session.source = two(revision);
      expect(stream.next()).toBeUndefined();
    }
    stream.ack(first);
    const last = stream.take();
    expect(last.version).toBe(two(10).version(cds));
    expect(stream.next()).toBeUndefined();
  });

  test("a client that comes back with the current version is sent nothing", () => {
    const stream = new Stream(two());
    stream.ask(cds, { versionInfo: two().version(cds) });
    stream.ask(lds, { versionInfo: two().version(lds) });
    expect(stream.next()).toBeUndefined();
    expect(stream.session.status()).toMatchObject([{ inSync: true }, { inSync: true }]);
  });

  test("a client that comes back with endpoints is answered: a cluster may be waiting for them", () => {
    const before = settled();
    const acked = before.session.status().find(({ typeUrl }) => typeUrl === eds)?.acked?.version;
    const stream = new Stream(two());
    stream.ask(eds, { resourceNames: ["a", "b"], versionInfo: acked });
    expect(names(stream.next())).toEqual(["a", "b"]);
  });

  test("a client that comes back and names its clusters is answered: it may have dropped one and want it again", () => {
    const stream = new Stream(two());
    stream.ask(cds, { resourceNames: ["a", "b"], versionInfo: two().version(cds) });
    expect(names(stream.next())).toEqual(["a", "b"]);
  });

  test("a client that comes back with an old version gets the new one", () => {
    const stream = new Stream(two(1));
    stream.ask(cds, { versionInfo: two().version(cds) });
    expect(names(stream.next())).toEqual(["a", "b"]);
  });
});

describe("rejections", () => {
  test("a rejected version is shown, and not sent again until it changes", () => {
    const stream = settled();
    stream.session.source = two(1);
    const push = stream.next() as Push;
    expect(stream.nack(push, "no such thing").kind).toBe("nack");
    // Envoy may have taken one of the clusters all the same: it gets its endpoints.
    expect(names(stream.take("a", "b"))).toEqual(["a"]);
    expect(stream.next()).toBeUndefined();
    stream.session.source = two(1);
    expect(stream.next()).toBeUndefined();
    const [status] = stream.session.status();
    expect(status).toMatchObject({
      rejecting: true,
      inSync: false,
      lastNack: { reason: "no such thing", at: 42, version: push.version },
      acked: { version: two().version(cds) },
    });
    stream.session.source = two(2);
    expect(stream.next()?.version).toBe(two(2).version(cds));
  });

  test("one broken route is singled out and the others arrive", () => {
    const good = ["a", "b", "c", "d"];
    const routes = (broken: string) => createSnapshot({ routes: [...good, broken].map((name) => route(name, name)) });
    const stream = new Stream(routes("bad"), false);
    const all = [...good, "bad"];
    stream.ask(rds, { resourceNames: all });
    const accepted = new Set<string>();
    let pushes = 0;
    for (const push of stream.pushes()) {
      pushes += 1;
      if (names(push)?.includes("bad")) stream.nack(push, "bad route", ...all);
      else {
        for (const { name } of push.resources) accepted.add(name);
        stream.ack(push, ...all);
      }
    }
    expect([...accepted].sort()).toEqual(good);
    expect(stream.session.status()).toMatchObject([{ rejecting: true, lastNack: { names: ["bad"] } }]);
    expect(pushes).toBeLessThan(8);
  });

  test("a rejected route does not hold up a later change of another", () => {
    const stream = new Stream(createSnapshot({ routes: [route("a", "a"), route("b", "b")] }), false);
    stream.ask(rds, { resourceNames: ["a", "b"] });
    for (const push of stream.pushes()) {
      if (names(push)?.includes("a")) stream.nack(push, "bad", "a", "b");
      else stream.ack(push, "a", "b");
    }
    stream.session.source = createSnapshot({ routes: [route("a", "a"), route("b", "other")] });
    expect(names(stream.take("a", "b"))).toEqual(["b"]);
    expect(stream.next()).toBeUndefined();
  });
});

describe("order on an aggregated stream", () => {
  test("clusters, endpoints, listeners, routes, whatever the order of the requests", () => {
    const stream = new Stream(two());
    stream.ask(rds, { resourceNames: ["r"] });
    stream.ask(lds);
    stream.ask(eds, { resourceNames: ["a", "b"] });
    stream.ask(cds);
    const sent = [];
    for (const resourceNames of [[], ["a", "b"], [], ["r"]]) sent.push(stream.take(...resourceNames).type.url);
    expect(sent).toEqual([cds, eds, lds, rds]);
  });

  test("endpoints do not wait for clusters to be acknowledged: that takes the endpoints", () => {
    const stream = settled();
    stream.session.source = two(1);
    const clusters = stream.next() as Push;
    expect(names(stream.take("a", "b"))).toEqual(["a"]);
    expect(stream.next()).toBeUndefined();
    expect(stream.session.waiting).toBe(true);
    stream.ack(clusters);
    expect(stream.next()).toBeUndefined();
    expect(stream.session.waiting).toBe(false);
  });

  test("endpoints of a cluster on its way are there for it, though both are gone again", () => {
    const stream = settled();
    stream.session.source = createSnapshot({
      clusters: [cluster("a"), cluster("b"), cluster("short")],
      endpoints: [endpoints("a", 1), endpoints("b", 2), endpoints("short", 3)],
      listeners: [listener("l", 80, "r")],
      routes: [route("r", "a")],
    });
    const clusters = stream.next() as Push;
    stream.session.source = two();
    stream.ask(eds, { resourceNames: ["a", "b", "short"], responseNonce: "2" });
    expect(names(stream.take("a", "b", "short"))).toEqual(["short"]);
    stream.ack(clusters);
    expect(names(stream.take())).toEqual(["a", "b"]);
  });

  test("endpoints of a cluster that is being removed are not waited for, though it is to come back", () => {
    const stream = settled();
    stream.session.source = createSnapshot({
      clusters: [cluster("a", { timeoutMs: 7 }), cluster("c")],
      endpoints: [endpoints("a", 1), endpoints("c", 3)],
      listeners: [listener("l", 80, "r")],
      routes: [route("r", "a")],
    });
    const clusters = stream.next() as Push;
    expect(names(clusters)).toEqual(["a", "c"]);
    stream.session.source = two();
    stream.ask(eds, { resourceNames: ["a", "c"], responseNonce: "2" });
    expect(names(stream.take("a", "c"))).toEqual(["a", "c"]);
    stream.ack(clusters);
    expect(names(stream.next())).toEqual(["a", "b"]);
  });

  test("endpoints that were on their way when their cluster changed are sent after it", () => {
    const stream = settled();
    const changed = (revision: number, port: number) =>
      createSnapshot({
        clusters: [cluster("a", { timeoutMs: 1_000 + revision }), cluster("b")],
        endpoints: [endpoints("a", port), endpoints("b", 2)],
        listeners: [listener("l", 80, "r")],
        routes: [route("r", "a")],
      });
    stream.session.source = changed(0, 7);
    const early = stream.next() as Push;
    expect(names(early)).toEqual(["a"]);
    stream.session.source = changed(1, 7);
    const clusters = stream.next() as Push;
    expect(clusters.type.url).toBe(cds);
    stream.ack(early, "a", "b");
    expect(names(stream.next())).toEqual(["a"]);
  });

  test("endpoints wait until all those that the clusters need are named", () => {
    const stream = new Stream(two());
    stream.ask(cds);
    stream.take();
    stream.ask(eds, { resourceNames: ["a"] });
    expect(stream.next()).toBeUndefined();
    stream.ask(eds, { resourceNames: ["a", "b"] });
    expect(names(stream.next())).toEqual(["a", "b"]);
  });

  test("routes to a new cluster wait until it has its endpoints", () => {
    const stream = settled();
    stream.session.source = createSnapshot({
      clusters: [cluster("a"), cluster("b"), cluster("new")],
      endpoints: [endpoints("a", 1), endpoints("b", 2), endpoints("new", 3)],
      listeners: [listener("l", 80, "r")],
      routes: [route("r", "new")],
    });
    expect(stream.take().type.url).toBe(cds);
    expect(stream.next()).toBeUndefined();
    expect(stream.session.waiting).toBe(true);
    stream.ask(eds, { resourceNames: ["a", "b", "new"], responseNonce: "2" });
    expect(names(stream.take("a", "b", "new"))).toEqual(["new"]);
    expect(stream.take("r").type.url).toBe(rds);
  });

  test("a client that never asks is not waited for for ever", () => {
    const stream = new Stream(two());
    stream.ask(cds);
    stream.take();
    stream.ask(lds);
    expect(stream.next()).toBeUndefined();
    stream.session.proceed();
    expect(stream.session.waiting).toBe(false);
    expect(stream.next()?.type.url).toBe(lds);
  });

  test("a cluster goes when no route needs it any more", () => {
    const stream = settled();
    stream.session.source = createSnapshot({
      clusters: [cluster("b")],
      endpoints: [endpoints("b", 2)],
      listeners: [listener("l", 80, "r")],
      routes: [route("r", "b")],
    });
    const push = stream.take("r");
    expect(push.type.url).toBe(rds);
    const last = stream.take();
    expect([last.type.url, names(last)]).toEqual([cds, ["b"]]);
  });

  test("a cluster stays while the routes that leave it are rejected", () => {
    const stream = settled();
    stream.session.source = createSnapshot({
      clusters: [cluster("b")],
      endpoints: [endpoints("b", 2)],
      listeners: [listener("l", 80, "r")],
      routes: [route("r", "b")],
    });
    stream.nack(stream.next() as Push, "no", "r");
    expect(stream.next()).toBeUndefined();
  });

  test("a client that comes back and names a cluster that is gone is told so after its routes have left it", () => {
    const stream = new Stream(service("new", 80, 1));
    stream.ask(lds, { resourceNames: ["new"] });
    stream.ask(rds, { resourceNames: ["new"] });
    stream.ask(cds, { resourceNames: ["gone"] });
    expect(stream.take("new").type.url).toBe(lds);
    expect(stream.take("new").type.url).toBe(rds);
    expect(stream.next()).toMatchObject({ type: { url: cds }, resources: [] });
  });

  test("a changed cluster gets its endpoints again, unchanged as they are", () => {
    const stream = settled();
    stream.session.source = two(1);
    stream.take();
    expect(names(stream.next())).toEqual(["a"]);
  });

  test("a cluster that comes back as it was gets its endpoints again, though the client named them all along", () => {
    const stream = settled();
    stream.session.source = service("l", 80, 2);
    for (const push of stream.pushes()) {
      stream.ack(push, ...(push.type.url === eds ? ["a", "b", "l"] : push.type.url === rds ? ["r", "l"] : []));
      if (push.type.url === cds) stream.ask(eds, { resourceNames: ["a", "b", "l"], responseNonce: "2" });
      if (push.type.url === lds) stream.ask(rds, { resourceNames: ["r", "l"], responseNonce: "4" });
    }
    stream.session.source = two();
    const sent: (string[] | undefined)[] = [];
    for (const push of stream.pushes()) {
      if (push.type.url === eds) sent.push(names(push));
      stream.ack(push, ...(push.type.url === eds ? ["a", "b", "l"] : push.type.url === rds ? ["r", "l"] : []));
    }
    expect(sent).toEqual([["a", "b"]]);
  });

  test("a stream of one type waits for nobody", () => {
    const stream = new Stream(two(), false);
    stream.ask(lds);
    expect(stream.next()?.type.url).toBe(lds);
  });
});
