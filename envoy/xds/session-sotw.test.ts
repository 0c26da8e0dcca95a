import { describe, expect, test } from "vitest";
import { typeUrls } from "./resource-type.ts";
import type { Push } from "./session.ts";
import { createSnapshot } from "./snapshot.ts";
import { endpoints, route } from "./testing/resources.ts";
import { names, SotwStream as Stream, settled, two } from "./testing/sotw-stream.ts";

const { cluster: cds, endpoint: eds, listener: lds, route: rds } = typeUrls;

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
