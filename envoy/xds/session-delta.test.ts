import { describe, expect, test } from "vitest";
import { typeUrls } from "./resource-type.ts";
import { type DeltaRequest, type Push, Session } from "./session.ts";
import { createSnapshot, type Snapshot } from "./snapshot.ts";
import { deltaRequest } from "./testing/requests.ts";
import { cluster, endpoints, listener, route } from "./testing/resources.ts";

const { cluster: cds, endpoint: eds, listener: lds, route: rds } = typeUrls;

class Stream {
  readonly session: Session;

  constructor(snapshot: Snapshot, aggregated = true) {
    this.session = new Session({ protocol: "delta", aggregated, now: () => 42 });
    this.session.source = snapshot;
  }

  ask(type: string, fields: Parameters<typeof deltaRequest>[1] = {}) {
    return this.session.receiveDelta(deltaRequest(type, fields));
  }

  next(): Push | undefined {
    return this.session.next();
  }

  ack(push: Push, fields: Partial<DeltaRequest> = {}) {
    return this.ask(push.type.url, { responseNonce: push.nonce, ...fields });
  }

  /** The next response, acknowledged. */
  take(): Push {
    const push = this.next();
    if (push === undefined) throw new Error("nothing is sent");
    this.ack(push);
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
const versions = (snapshot: Snapshot, type: string) =>
  Object.fromEntries([...snapshot.resources(type).values()].map(({ name, version }) => [name, version]));

const two = (revision = 0) =>
  createSnapshot({
    clusters: [cluster("a", { timeoutMs: 1_000 + revision }), cluster("b")],
    endpoints: [endpoints("a", 1), endpoints("b", 2)],
    listeners: [listener("l", 80, "r")],
    routes: [route("r", "a")],
  });

/** A client that has everything of `two()`. */
function settled(): Stream {
  const stream = new Stream(two());
  stream.ask(cds);
  stream.take();
  stream.ask(eds, { subscribe: ["a", "b"] });
  stream.take();
  stream.ask(lds);
  stream.take();
  stream.ask(rds, { subscribe: ["r"] });
  stream.take();
  expect(stream.next()).toBeUndefined();
  return stream;
}

describe("subscriptions", () => {
  test("a first request without names is a wildcard, for clusters and listeners", () => {
    const stream = new Stream(two());
    stream.ask(cds);
    expect(names(stream.next())).toEqual(["a", "b"]);
  });

  test("a wildcard over nothing is answered with an empty response", () => {
    const stream = new Stream(createSnapshot({}));
    stream.ask(cds);
    expect(stream.next()).toMatchObject({ resources: [], removed: [] });
  });

  test("a legacy wildcard goes on beside names, until * is dropped", () => {
    const stream = new Stream(two());
    stream.ask(cds);
    stream.take();
    stream.ask(cds, { subscribe: ["a"] });
    expect(names(stream.take())).toEqual(["a"]);
    stream.session.source = createSnapshot({ clusters: [cluster("a"), cluster("c")], endpoints: [] });
    expect(stream.take()).toMatchObject({ resources: [{ name: "c" }] });
    stream.ask(cds, { unsubscribe: ["*"] });
    stream.session.source = createSnapshot({ clusters: [cluster("a", { timeoutMs: 9 }), cluster("d")] });
    expect(names(stream.take())).toEqual(["a"]);
    expect(stream.next()).toBeUndefined();
  });

  test("a name that does not exist is answered as removed, and sent when it comes into being", () => {
    const stream = new Stream(createSnapshot({}));
    stream.ask(eds, { subscribe: ["a"] });
    expect(stream.take()).toMatchObject({ resources: [], removed: ["a"] });
    expect(stream.next()).toBeUndefined();
    stream.session.source = two();
    expect(names(stream.next())).toEqual(["a"]);
  });

  test("a name that is subscribed again is sent again", () => {
    const stream = settled();
    stream.ask(eds, { subscribe: ["a"] });
    expect(names(stream.next())).toEqual(["a"]);
  });

  test("unsubscribing needs no answer, also from names that nobody subscribed", () => {
    const stream = settled();
    stream.ask(eds, { unsubscribe: ["b", "phantom"] });
    expect(stream.next()).toBeUndefined();
    stream.session.source = createSnapshot({ endpoints: [endpoints("b", 9)] });
    stream.ask(eds, { unsubscribe: ["a"] });
    for (const push of stream.pushes()) {
      expect(push.type.url).not.toBe(eds);
      stream.ack(push);
    }
  });

  test("a name dropped beside a wildcard is answered: as a resource where the wildcard covers it, else as removed", () => {
    const stream = new Stream(two());
    stream.ask(cds, { subscribe: ["*", "a", "nobody"] });
    expect(stream.take()).toMatchObject({ removed: ["nobody"] });
    stream.ask(cds, { unsubscribe: ["a", "nobody"] });
    const push = stream.next();
    expect(names(push)).toEqual(["a"]);
    expect(push?.removed).toEqual(["nobody"]);
  });

  test("a stale nonce acknowledges nothing, but its names count", () => {
    const stream = new Stream(two(), false);
    stream.ask(eds, { subscribe: ["a"] });
    const first = stream.next() as Push;
    expect(stream.ask(eds, { subscribe: ["b"], responseNonce: "stale" }).kind).toBe("request");
    expect(stream.next()).toBeUndefined();
    stream.ack(first);
    expect(names(stream.next())).toEqual(["b"]);
  });

  test("what is unsubscribed while it is on its way is not taken for known", () => {
    const stream = new Stream(two(), false);
    stream.ask(eds, { subscribe: ["a"] });
    const push = stream.next() as Push;
    stream.ask(eds, { unsubscribe: ["a"] });
    stream.ack(push);
    expect(stream.next()).toBeUndefined();
    stream.ask(eds, { subscribe: ["a"] });
    expect(names(stream.next())).toEqual(["a"]);
  });
});

describe("changes", () => {
  test("only what has changed is sent, and what is gone is removed", () => {
    const stream = new Stream(two(), false);
    stream.ask(cds);
    stream.take();
    stream.session.source = createSnapshot({ clusters: [cluster("b", { timeoutMs: 5 }), cluster("c")] });
    const push = stream.next();
    expect(names(push)).toEqual(["b", "c"]);
    expect(push?.removed).toEqual(["a"]);
  });

  test("a client that comes back with everything is sent nothing", () => {
    const stream = new Stream(two());
    stream.ask(cds, { initialResourceVersions: versions(two(), cds) });
    stream.ask(eds, { subscribe: ["a", "b"], initialResourceVersions: versions(two(), eds) });
    stream.ask(lds, { initialResourceVersions: versions(two(), lds) });
    stream.ask(rds, { subscribe: ["r"], initialResourceVersions: versions(two(), rds) });
    expect(stream.next()).toBeUndefined();
    expect(stream.session.status().every(({ inSync }) => inSync)).toBe(true);
  });

  test("a client that comes back gets what changed meanwhile, and what is gone last", () => {
    const stream = new Stream(two(1));
    stream.ask(cds, { initialResourceVersions: { ...versions(two(), cds), gone: "x" } });
    stream.ask(eds, { subscribe: ["a", "b"], initialResourceVersions: versions(two(), eds) });
    stream.ask(lds, { initialResourceVersions: {} });
    stream.ask(rds, { subscribe: ["r"], initialResourceVersions: versions(two(), rds) });
    const sent = [];
    for (const push of stream.pushes()) {
      sent.push([push.type.label, names(push), push.removed]);
      stream.ack(push);
    }
    expect(sent).toEqual([
      ["cluster", ["a"], []],
      ["endpoint", ["a"], []],
      ["listener", ["l"], []],
      ["cluster", [], ["gone"]],
    ]);
  });

  test("a changed cluster gets its endpoints again, unprompted", () => {
    const stream = settled();
    stream.session.source = two(1);
    expect(names(stream.take())).toEqual(["a"]);
    expect([stream.next()].map((push) => [push?.type.url, names(push)])).toEqual([[eds, ["a"]]]);
  });

  test("a rejected resource is not sent again, until it changes or is asked for", () => {
    const stream = settled();
    const at = (port: number) => createSnapshot({ endpoints: [endpoints("a", port)] });
    const alone = new Stream(at(1), false);
    alone.ask(eds, { subscribe: ["a"] });
    alone.ack(alone.next() as Push, { errorDetail: { message: "bad" } });
    expect(alone.next()).toBeUndefined();
    alone.session.source = at(1);
    expect(alone.next()).toBeUndefined();
    expect(alone.session.status()).toMatchObject([{ rejecting: true, lastNack: { reason: "bad", names: ["a"] } }]);
    alone.ask(eds, { subscribe: ["a"] });
    alone.ack(alone.next() as Push, { errorDetail: { message: "bad" } });
    expect(alone.next()).toBeUndefined();
    alone.session.source = at(2);
    expect(names(alone.take())).toEqual(["a"]);
    expect(alone.session.status()).toMatchObject([{ rejecting: false, inSync: true }]);
    expect(stream.next()).toBeUndefined();
  });

  test("a removal beside a rejected resource is told again, and only once more", () => {
    const stream = new Stream(two(), false);
    stream.ask(cds);
    stream.take();
    stream.session.source = createSnapshot({ clusters: [cluster("b"), cluster("bad")] });
    const nack = { errorDetail: { message: "bad" } };
    const push = stream.next() as Push;
    expect([names(push), push.removed]).toEqual([["bad"], ["a"]]);
    stream.ack(push, nack);
    const again = stream.next() as Push;
    expect([names(again), again.removed]).toEqual([[], ["a"]]);
    stream.ack(again, nack);
    expect(stream.next()).toBeUndefined();
  });

  test("a type that nobody serves is answered as removed", () => {
    const stream = new Stream(two());
    stream.ask("type.googleapis.com/some.Thing", { subscribe: ["x"] });
    expect(stream.next()).toMatchObject({ resources: [], removed: ["x"] });
  });
});
