import { readFileSync } from "node:fs";
import type { Connection, OpenConnection } from "./connection.ts";
import { Histogram } from "./histogram.ts";
import type { Answer, LoadPlan, LoadReport, LoadRequest, RequestSource } from "./plan.ts";

interface OnItsWay {
  readonly request: LoadRequest;
  /** When it was sent or, at a fixed rate, was to be sent: milliseconds since the start. */
  readonly from: number;
}

/** One run of a plan: closed loop, or open loop where it has a rate. */
export class Run {
  readonly #plan: LoadPlan;
  readonly #source: RequestSource;
  readonly #connections: Connection[];
  readonly #idle: Connection[] = [];
  readonly #onTheirWay = new Map<Connection, OnItsWay>();
  readonly #latency = new Histogram();
  readonly #statuses: Record<number, number> = {};
  readonly #done = Promise.withResolvers<void>();
  /** Of requests that are to be sent. */
  #next = 0;
  #ended = false;
  #cpuAtStart: NodeJS.CpuUsage | undefined;
  #started = 0;
  #lastAnswer = 0;
  #failures = 0;
  #firstFailure: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(plan: LoadPlan, source: RequestSource, Open: OpenConnection) {
    this.#plan = plan;
    this.#source = source;
    const events = {
      ready: (connection: Connection) => this.#ready(connection),
      answer: (connection: Connection, answer: Answer) => this.#answered(connection, answer),
      lost: (error: Error) => this.#done.reject(error),
    };
    const urls = [plan.url].flat().map((url) => new URL(url));
    const ca = plan.caFile === undefined ? undefined : readFileSync(plan.caFile, "utf8");
    this.#connections = Array.from(
      { length: plan.connections },
      (_, index) => new Open({ url: urls[index % urls.length] as URL, ca }, events),
    );
  }

  /** Resolves when every answer is there. Rejects when a connection is lost. */
  async finish(): Promise<LoadReport> {
    try {
      await this.#done.promise;
    } finally {
      clearTimeout(this.#timer);
      for (const connection of this.#connections) connection.close();
    }
    const seconds = this.#lastAnswer / 1000;
    const { user, system } = process.cpuUsage(this.#cpuAtStart);
    return {
      operations: this.#latency.total,
      seconds,
      statuses: this.#statuses,
      failures: this.#failures,
      firstFailure: this.#firstFailure,
      latency: this.#latency.toJSON(),
      busy: (user + system) / 1e6 / seconds,
      summary: this.#source.summary?.(),
    };
  }

  /** All start together, once the last connection stands. */
  #ready(connection: Connection): void {
    this.#idle.push(connection);
    if (this.#idle.length < this.#plan.connections) return;
    this.#cpuAtStart = process.cpuUsage();
    this.#started = performance.now();
    if (this.#plan.rate === undefined) this.#sendAtOnce();
    else this.#sendOnTime();
  }

  #sendAtOnce(): void {
    const idle = this.#idle.splice(0);
    for (const connection of idle) this.#send(connection, this.#elapsed());
  }

  #sendOnTime = (): void => {
    const now = this.#elapsed();
    while (this.#intended() <= now) {
      const connection = this.#idle.pop();
      if (connection === undefined) break;
      if (!this.#send(connection, this.#intended())) return;
    }
    this.#timer = setTimeout(this.#sendOnTime, 1);
  };

  /** When the next request of an open loop is due, as #elapsed tells time. */
  #intended(): number {
    return (this.#next * 1000) / (this.#plan.rate ?? 1);
  }

  /** Milliseconds since the start. */
  #elapsed(): number {
    return performance.now() - this.#started;
  }

  /** False when the run is over and nothing was sent. */
  #send(connection: Connection, from: number): boolean {
    const { durationMs, maximumRequests = Number.POSITIVE_INFINITY } = this.#plan;
    if (from >= durationMs || this.#next >= maximumRequests) {
      this.#ended = true;
      this.#endWhenAnswered();
      return false;
    }
    this.#next++;
    const request = this.#source.next();
    this.#onTheirWay.set(connection, { request, from });
    connection.send(request);
    return true;
  }

  #answered(connection: Connection, answer: Answer): void {
    const now = this.#elapsed();
    this.#lastAnswer = now;
    const sent = this.#onTheirWay.get(connection);
    if (sent === undefined) {
      this.#done.reject(new Error("an answer that nobody asked for"));
      return;
    }
    this.#onTheirWay.delete(connection);
    this.#latency.record((now - sent.from) * 1000);
    this.#check(sent.request, answer);
    this.#source.answered?.(sent.request, answer);
    if (this.#plan.rate === undefined) this.#send(connection, now);
    else this.#idle.push(connection);
    this.#endWhenAnswered();
  }

  #endWhenAnswered(): void {
    if (this.#ended && this.#onTheirWay.size === 0) this.#done.resolve();
  }

  #check(request: LoadRequest, answer: Answer): void {
    const { statuses = [200], contains } = request;
    this.#statuses[answer.status] = (this.#statuses[answer.status] ?? 0) + 1;
    const isRight =
      (statuses.length === 0 || statuses.includes(answer.status)) &&
      (contains === undefined || answer.body.includes(contains));
    if (isRight) return;
    this.#failures++;
    this.#firstFailure ??= `${request.method} ${request.path}: ${answer.status} ${answer.body.toString("utf8", 0, 300)}`;
  }
}
