import type { Component } from "./component.ts";
import { Instance, type InstanceStatus } from "./instance.ts";
import { type Layout, logFile } from "./layout.ts";
import type { State } from "./state.ts";

export interface SupervisorOptions {
  readonly layout: Layout;
  readonly state: State;
  readonly say: (line: string) => void;
}

/** What can be asked for is wrong: no such component, or not as many of it. */
export class UnknownComponent extends Error {}

/** Most instances of one component. */
const mostInstances = 32;

/** Runs components: starts them, replaces and counts their instances, stops them in order. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  /** What others stand on comes first. */
  #components: readonly Component[] = [];
  /** In the order of their start. */
  #instances: Instance[] = [];
  /** One change at a time. */
  #change: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** What there will be: what others stand on comes first, and stops last. */
  plan(...components: readonly Component[]): void {
    this.#components = components;
  }

  /** Starts components of the plan side by side; resolves when all are ready. Throws the first failure once all have settled. */
  async start(...wanted: readonly (readonly [component: Component, instances: number])[]): Promise<void> {
    this.#refuseWhileStopping();
    const instances = wanted.flatMap(([component, count]) => Array.from({ length: count }, () => this.#add(component)));
    const results = await Promise.allSettled(instances.map((instance) => this.#startOne(instance)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** Resolves once requests reach every instance. */
  async reachable(): Promise<void> {
    await Promise.all(this.#instances.map((instance) => instance.reachable()));
  }

  /** As of the last look, in the order of the plan. */
  known(): InstanceStatus[] {
    return this.#components.flatMap((component) => this.#of(component).map((instance) => instance.status()));
  }

  /** Looks at every instance again first. */
  async status(): Promise<InstanceStatus[]> {
    await Promise.all(this.#instances.map((instance) => instance.refresh()));
    return this.known();
  }

  /**
   * Replaces a component's instances one after the other. One that can run beside its successor ends only when requests reach
   * that one. Throws UnknownComponent.
   */
  restart(name: string): Promise<void> {
    const component = this.#find(name);
    return this.#inTurn(async () => {
      await component.upgrade?.();
      for (const old of this.#of(component)) {
        if (component.scalable) {
          await this.#startReachable(component);
          await this.#remove(old);
        } else {
          await this.#remove(old);
          await this.#startReachable(component);
        }
      }
    });
  }

  /** Has so many instances of a component run. Throws UnknownComponent. */
  scale(name: string, count: number): Promise<void> {
    const component = this.#find(name);
    if (!component.scalable && count !== 1) throw new UnknownComponent(`there is always one ${name}`);
    if (count < 1 || count > mostInstances) throw new UnknownComponent(`1 to ${mostInstances} instances can run`);
    return this.#inTurn(async () => {
      const missing = count - this.#of(component).length;
      await Promise.all(Array.from({ length: Math.max(0, missing) }, () => this.#startReachable(component)));
      // The youngest go: the others have their caches warm.
      const surplus = this.#of(component).slice(count).reverse();
      for (const instance of surplus) await this.#remove(instance);
    });
  }

  /** Tells every program that certificates were replaced. */
  async reload(): Promise<void> {
    await Promise.all(this.#instances.map((instance) => instance.reload()));
  }

  /** Stops everything, the plan's last component first; nothing starts any more. Calls after the first wait for it. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  /** Whatever goes wrong with one, the others are stopped, too. */
  async #stopAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const component of [...this.#components].reverse()) {
      const instances = this.#of(component);
      if (instances.length > 0) this.#options.say(`stopping ${component.name}`);
      const results = await Promise.allSettled(instances.map((instance) => instance.stop()));
      failures.push(...results.flatMap((result) => (result.status === "rejected" ? [result.reason] : [])));
    }
    this.#instances = [];
    if (failures.length > 0) throw failures[0];
  }

  #add(component: Component): Instance {
    const name = this.#freeName(component);
    const { layout, state, say } = this.#options;
    const instance = new Instance({ name, component, state, say, logFile: logFile(layout, name) });
    this.#instances.push(instance);
    return instance;
  }

  async #startOne(instance: Instance): Promise<void> {
    this.#options.say(`starting ${instance.name}`);
    try {
      await instance.start();
    } catch (error) {
      this.#instances = this.#instances.filter((other) => other !== instance);
      throw error;
    }
  }

  async #startReachable(component: Component): Promise<void> {
    this.#refuseWhileStopping();
    const instance = this.#add(component);
    await this.#startOne(instance);
    try {
      await instance.reachable();
    } catch (error) {
      await this.#remove(instance);
      throw error;
    }
  }

  async #remove(instance: Instance): Promise<void> {
    this.#options.say(`stopping ${instance.name}`);
    await instance.stop();
    this.#instances = this.#instances.filter((other) => other !== instance);
  }

  /** `order-1`, or the lowest number that no other has; the component's own name where there is only one. */
  #freeName({ name, scalable }: Component): string {
    if (!scalable) return name;
    const taken = new Set(this.#instances.map((instance) => instance.name));
    let number = 1;
    while (taken.has(`${name}-${number}`)) number += 1;
    return `${name}-${number}`;
  }

  #of(component: Component): Instance[] {
    return this.#instances.filter((instance) => instance.component === component);
  }

  #find(name: string): Component {
    const component = this.#components.find((candidate) => candidate.name === name);
    if (component !== undefined) return component;
    const known = this.#components.map((candidate) => candidate.name).join(", ");
    throw new UnknownComponent(`there is no ${JSON.stringify(name)}: ${known}`);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#change.then(() => {
      this.#refuseWhileStopping();
      return work();
    });
    this.#change = turn.catch(() => {});
    return turn;
  }

  #refuseWhileStopping(): void {
    if (this.#stopping !== undefined) throw new Error("the mesh is stopping");
  }
}
