// One client that stores rows it has in memory as fast as plain SQL goes: 500 orders a transaction, one multi-row INSERT a table.
import { readFileSync } from "node:fs";
import { deserialize } from "node:v8";
import { serveJobs } from "../../machine/job-server.ts";
import { openStore, type Place } from "../../machine/order-store.ts";
import { connect, type Table } from "../../machine/plain-client.ts";

const batchSize = 500;

const { place, file }: { place: Place; file: string } = JSON.parse(process.argv[2] ?? "");
await (await openStore(place)).close();
const tables: readonly Table[] = deserialize(readFileSync(file));
const client = await connect(place);

serveJobs({
  insert: async () => {
    const count = Math.max(...tables.map(({ rows }) => rows.length));
    for (let at = 0; at < count; at += batchSize) {
      await client.run("begin");
      for (const { name, columns, rows } of tables) await client.insert(name, columns, rows.slice(at, at + batchSize));
      await client.run("commit");
    }
  },
});
