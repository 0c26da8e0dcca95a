import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resourceType, typeUrls } from "./resource-type.ts";
import type { Protocol } from "./session.ts";
import { createSnapshot, type Snapshot } from "./snapshot.ts";
import { ModelClient } from "./testing/model-client.ts";
import { cluster, endpoints, listener, route } from "./testing/resources.ts";

/** Clusters and routes by number; a cluster's revision, its number of endpoints; which cluster a route leads to. */
interface World {
  readonly clusters: ReadonlyMap<
    number,
    { readonly revision: number; readonly backends: number; readonly shared: boolean }
  >;
  /** Route number to one of the clusters, by position. */
  readonly routes: ReadonlyMap<number, number>;
}

const cases = Number(process.env.XDS_CASES ?? 300);
const types = [typeUrls.cluster, typeUrls.endpoint, typeUrls.listener, typeUrls.route];

const world: fc.Arbitrary<World> = fc
  .record({
    clusters: fc.dictionary(
      fc.constantFrom("0", "1", "2", "3"),
      fc.record({
        revision: fc.nat(2),
        backends: fc.nat(2),
        shared: fc.boolean(),
      }),
      { minKeys: 1 },
    ),
    // Often the same, so that clusters change while nothing else does.
    routes: fc.oneof(fc.constant({ 0: 0 }), fc.dictionary(fc.constantFrom("0", "1", "2"), fc.nat(3))),
  })
  .map(({ clusters, routes }) => ({
    clusters: new Map(Object.entries(clusters).map(([key, value]) => [Number(key), value])),
    routes: new Map(Object.entries(routes).map(([key, value]) => [Number(key), value])),
  }));

/** Resources named in `broken` (as "route r0") have a content that no good one ever has. */
function snapshotOf({ clusters, routes }: World, broken: readonly string[] = []): Snapshot {
  const names = [...clusters.keys()].map((number) => `c${number}`);
  const isShared = [...clusters.values()].some(({ shared }) => shared);
  const odd = (name: string) => (broken.includes(name) ? 500 : 0);
  return createSnapshot({
    clusters: [...clusters].map(([number, { revision, shared }]) =>
      cluster(`c${number}`, {
        timeoutMs: 1_000 + revision + odd(`cluster c${number}`),
        serviceName: shared ? "shared" : "",
      }),
    ),
    endpoints: [
      ...[...clusters].flatMap(([number, { backends, shared }]) => {
        const ports = [9_000, 9_001].slice(0, backends).map((port) => port + odd(`endpoint c${number}`));
        return shared ? [] : [endpoints(`c${number}`, 9_100 + odd(`endpoint c${number}`), ...ports)];
      }),
      ...(isShared ? [endpoints("shared", 9_002)] : []),
    ],
    listeners: [...routes.keys()].map((number) =>
      listener(`l${number}`, 8_000 + number + odd(`listener l${number}`), `r${number}`),
    ),
    routes: [...routes].map(([number, at]) =>
      route(`r${number}`, (odd(`route r${number}`) ? "broken" : names[at % names.length]) ?? ""),
    ),
  });
}

type Step =
  | { readonly do: "server" | "pull" | "client" | "settle" | "reconnect" | "restart" | "patience" }
  | { readonly do: "world"; readonly world: World; readonly broken: readonly string[] }
  | { readonly do: "subscribe" | "unsubscribe"; readonly type: string; readonly name: string };

const name = fc.constantFrom("c0", "c1", "c2", "r0", "r1", "l0", "shared", "nobody", "*");
const move = fc.record({ do: fc.constantFrom("server", "pull", "client") });
const settle = fc.record({ do: fc.constant("settle") });
const update = fc.record({
  do: fc.constant("world"),
  world,
  broken: fc.subarray(["cluster c0", "endpoint c1", "listener l0", "route r0"]),
});
const healthy = fc.oneof(
  { weight: 6, arbitrary: move },
  { weight: 1, arbitrary: settle },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("world"), world, broken: fc.constant([]) }) },
) as fc.Arbitrary<Step>;
const step = (free: boolean): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 6, arbitrary: move },
    { weight: 1, arbitrary: settle },
    { weight: 2, arbitrary: update },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("reconnect", "restart", "patience") }) },
    ...(free
      ? [
          {
            weight: 4,
            arbitrary: fc.record({
              do: fc.constantFrom("subscribe", "unsubscribe"),
              type: fc.constantFrom(...types),
              name,
            }),
          },
        ]
      : []),
  ) as fc.Arbitrary<Step>;

const protocol = fc.constantFrom<Protocol>("sotw", "delta");

/** Client and server as the steps leave them, and what each resource of the last world should be. */
class Run {
  readonly client: ModelClient;
  readonly #broken = new Set<string>();
  #snapshot: Snapshot | undefined;
  readonly #followsReferences: boolean;
  #reconnected = false;
  #lastWorld: Parameters<typeof snapshotOf> | undefined;

  constructor(protocol: Protocol, followsReferences: boolean) {
    this.#followsReferences = followsReferences;
    const rejects = (version: string) => this.#broken.has(version);
    this.client = new ModelClient({ protocol, followsReferences, rejects }, undefined);
  }

  take(step: Step): void {
    const { client } = this;
    if (step.do === "server") client.deliverRequest();
    else if (step.do === "pull") client.pull();
    else if (step.do === "client") client.deliverResponse();
    else if (step.do === "settle") this.drain();
    else if (step.do === "patience") client.session.proceed();
    else if (step.do === "reconnect") this.#reconnect();
    else if (step.do === "restart") this.#restart();
    else if (step.do === "world") this.update(step.world, step.broken);
    else if (step.do === "subscribe") client.subscribe(step.type, step.name);
    else if (step.do === "unsubscribe") client.unsubscribe(step.type, step.name);
  }

  update(world: World, broken: readonly string[] = []): Snapshot {
    this.#lastWorld = [world, broken];
    const snapshot = snapshotOf(world, broken);
    for (const type of types) {
      for (const { name, version } of snapshot.resources(type).values()) {
        if (broken.includes(`${resourceType(type).label} ${name}`)) this.#broken.add(version);
      }
    }
    this.#snapshot = snapshot;
    this.client.setSnapshot(snapshot);
    return snapshot;
  }

  #reconnect(): void {
    this.#reconnected = true;
    this.client.reconnect(this.#snapshot);
  }

  /** A new process builds the same resources anew. */
  #restart(): void {
    if (this.#lastWorld !== undefined) this.#snapshot = snapshotOf(...this.#lastWorld);
    this.#reconnect();
  }

  /** Until nothing moves; throws when it never ends, or only patience could end it where the client asks for all it should. */
  drain(check: () => void = () => {}): void {
    for (let turn = 0; turn < 2_000; turn += 1) {
      const isMoving = this.client.pull() || this.client.busy;
      this.client.deliverRequest();
      this.client.deliverResponse();
      check();
      if (isMoving) continue;
      // A new stream does not know which endpoints the last one promised.
      if (this.#reconnected && this.client.warming.size > 0) {
        this.client.giveUpWarming();
        continue;
      }
      if (!this.client.session.waiting) return;
      if (this.#followsReferences) throw new Error("client and server wait for each other");
      this.client.session.proceed();
    }
    throw new Error("client and server never come to rest");
  }
}

/** What the client should have by now: what it wants and there is. */
function expectConverged(client: ModelClient, snapshot: Snapshot): void {
  for (const type of types) {
    const names = client.names(type);
    const wanted = [...snapshot.resources(type)].filter(([name]) => names.has("*") || names.has(name));
    const expected = Object.fromEntries(wanted.map(([name, { version }]) => [name, version]));
    // State of the world cannot delete these: the client lets go of them when nothing refers to them.
    const has = [...client.has(type)].filter(([name]) => snapshot.resources(type).has(name));
    expect({ [type]: Object.fromEntries(has) }).toEqual({ [type]: expected });
    if (type === typeUrls.cluster || type === typeUrls.listener)
      expect([...client.has(type)]).toHaveLength(wanted.length);
  }
}

describe.each([
  ["an Envoy", false],
  ["a client that names what it wants", true],
] as const)("%s", (_title, free) => {
  test("ends with exactly the snapshot, whatever happened before", () => {
    const property = fc.property(protocol, fc.array(step(free), { maxLength: 80 }), world, (kind, steps, last) => {
      const run = new Run(kind, !free);
      for (const step of steps) run.take(step);
      run.drain();
      const snapshot = run.update(last);
      run.drain();
      expectConverged(run.client, snapshot);
      if (!free) expect([...run.client.warming]).toEqual([]);
      const { responses } = run.client;
      run.drain();
      expect(run.client.responses).toBe(responses);
    });
    fc.assert(property, { numRuns: cases });
  });

  test("that rejects something is not sent it again, and gets everything else", () => {
    const broken = ["endpoint c1", "route r0"];
    const property = fc.property(protocol, fc.array(step(free), { maxLength: 40 }), world, (kind, steps, last) => {
      const run = new Run(kind, !free);
      for (const step of steps) run.take(step);
      run.update(last, broken);
      run.drain();
      const snapshot = snapshotOf(last, broken);
      for (const [type, label] of [
        [typeUrls.endpoint, "endpoint"],
        [typeUrls.route, "route"],
      ] as const) {
        const names = run.client.names(type);
        for (const [name, { version }] of snapshot.resources(type)) {
          if (!broken.includes(`${label} ${name}`) && names.has(name)) {
            expect(run.client.has(type).get(name)).toBe(version);
          }
        }
      }
      const { rejections } = run.client;
      run.client.setSnapshot(snapshotOf(last, broken));
      run.drain();
      expect(run.client.rejections).toBe(rejections);
    });
    fc.assert(property, { numRuns: cases });
  });
});

test("no route at an Envoy ever leads to a cluster that is not there or has not had its endpoints", () => {
  const property = fc.property(protocol, fc.array(healthy, { maxLength: 120 }), world, (kind, steps, last) => {
    const run = new Run(kind, true);
    const clusterOf = new Map<string, string>();
    const check = () => {
      for (const name of run.client.has(typeUrls.listener).keys()) {
        const version = run.client.has(typeUrls.route).get(name.replace("l", "r"));
        // A listener without its routes is not in use yet.
        if (version !== undefined) expect(run.client.ready).toContain(clusterOf.get(version));
      }
    };
    const update = (next: World) => {
      for (const { name, version } of run.update(next).resources(typeUrls.route).values()) {
        const names = [...next.clusters.keys()];
        clusterOf.set(version, `c${names[(next.routes.get(Number(name.slice(1))) ?? 0) % names.length]}`);
      }
    };
    for (const step of steps) {
      if (step.do === "world") update(step.world);
      else run.take(step);
      check();
    }
    update(last);
    run.drain(check);
  });
  fc.assert(property, { numRuns: cases });
});
