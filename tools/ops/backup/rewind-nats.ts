import { connectNats, type NatsOptions } from "@ordermesh/runtime/events/jetstream-connection.ts";

/** Streams whose messages services work off; they are kept after that, for days. */
const streams: readonly string[] = ["SECKILL", "EVENTS"];

/**
 * Forgets how far the services' consumers were: at their next start they get every kept message again, and pass over those
 * whose effect the database has. Returns what to tell. Throws where NATS cannot be reached.
 */
export async function rewindNats(options: NatsOptions): Promise<string[]> {
  const connection = await connectNats(options);
  try {
    const manager = await connection.jetstreamManager();
    const there = (await manager.streams.names().next()).filter((name) => streams.includes(name));
    const rewound: string[] = [];
    for (const stream of there) {
      for (const { name } of await manager.consumers.list(stream).next()) {
        await manager.consumers.delete(stream, name);
        rewound.push(`${stream}/${name}`);
      }
    }
    if (rewound.length === 0) return [];
    return [`${rewound.join(", ")} begin anew at the next start, and pass over what the backup has`];
  } finally {
    await connection.close();
  }
}
