import type { ConsumerSpec, StreamSpec } from "./bus.ts";
import type { JetStreamApi } from "./jetstream-api.ts";

type Config = Record<string, unknown>;

/** JetStream's unit of time. */
const ns = 1_000_000;

/**
 * Creates the stream or brings it to the spec; what an operator set beside it (replicas, size limits) stays. Throws when
 * the server's own description differs afterwards: servers ignore fields they do not know without saying so.
 */
export async function ensureStream(api: JetStreamApi, spec: StreamSpec, more: Config = {}): Promise<void> {
  const wanted: Config = {
    name: spec.name,
    subjects: spec.subjects,
    retention: "limits",
    storage: "file",
    discard: "old",
    max_age: spec.maxAgeMs * ns,
    // The server refuses a window beyond the age.
    duplicate_window: Math.min(spec.dedupeWindowMs, spec.maxAgeMs) * ns,
    ...more,
  };
  const existing = await api.find(`STREAM.INFO.${spec.name}`);
  if (existing === undefined) {
    await api.call(`STREAM.CREATE.${spec.name}`, wanted);
  } else if (differences(wanted, existing.config as Config).length > 0) {
    await api.call(`STREAM.UPDATE.${spec.name}`, { ...(existing.config as Config), ...wanted });
  }
  const stored = (await api.call(`STREAM.INFO.${spec.name}`)).config as Config;
  const wrong = differences(wanted, stored);
  if (stored.persist_mode === "async") wrong.push("persist_mode is async: an acknowledged message might not be stored");
  if (wrong.length > 0) throw new Error(`stream ${spec.name} is not as wanted: ${wrong.join("; ")}`);
}

/**
 * Creates the durable pull consumer or brings it to the spec. `filtered` false: the server (before 2.10) takes no more
 * than one filter, delivers everything, and the caller filters.
 */
export async function ensureConsumer(api: JetStreamApi, spec: ConsumerSpec): Promise<{ filtered: boolean }> {
  const filter: Config =
    spec.subjects.length === 1 ? { filter_subject: spec.subjects[0] } : { filter_subjects: spec.subjects };
  const wanted: Config = {
    durable_name: spec.durable,
    deliver_policy: "all",
    ack_policy: "explicit",
    replay_policy: "instant",
    ack_wait: spec.ackWaitMs * ns,
    // Limits are ours (attempt notes): the server's would count what waited in a process that died, and then drop it.
    max_deliver: -1,
    // Messages that wait for their next attempt count, too, and must not hold up the others.
    max_ack_pending: Math.max(1000, 20 * spec.batchSize),
  };
  const body = { stream_name: spec.stream, config: { ...wanted, ...filter } };
  await api.call(`CONSUMER.DURABLE.CREATE.${spec.stream}.${spec.durable}`, body);
  const info = await api.call(`CONSUMER.INFO.${spec.stream}.${spec.durable}`);
  const stored = info.config as Config;
  const wrong = differences(wanted, stored);
  const filtered = differences(filter, stored).length === 0;
  if (!filtered && (stored.filter_subject ?? stored.filter_subjects) !== undefined) {
    wrong.push(...differences(filter, stored));
  }
  if (wrong.length > 0) throw new Error(`consumer ${spec.durable} is not as wanted: ${wrong.join("; ")}`);
  return { filtered };
}

function differences(wanted: Config, stored: Config): string[] {
  return Object.keys(wanted)
    .filter((key) => JSON.stringify(wanted[key]) !== JSON.stringify(stored[key]))
    .map((key) => `${key} is ${JSON.stringify(stored[key])}, not ${JSON.stringify(wanted[key])}`);
}
