import { describe, expect, test } from "vitest";
import { typeUrls } from "./resource-type.ts";
import type { Push } from "./session.ts";
import { createSnapshot } from "./snapshot.ts";
import { cluster, endpoints, listener, route, service } from "./testing/resources.ts";
import { names, SotwStream as Stream, settled, two } from "./testing/sotw-stream.ts";

const { cluster: cds, endpoint: eds, listener: lds, route: rds } = typeUrls;

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
