import type { OutgoingMessage } from "../events/bus.ts";
import { bytes, integer, text, textOrNull } from "./column.ts";
import type { Database } from "./database.ts";
import { uuidv7 } from "./id.ts";
import { oneOfParts } from "./in-list.ts";
import { type InsertColumn, insertRows } from "./insert.ts";
import type { Sql } from "./sql.ts";
import type { OutboxEvent } from "./unit-of-work.ts";

/** An event in the outbox, under its number there. */
export interface StoredEvent {
  readonly seq: number;
  readonly message: OutgoingMessage;
}

/** Writes events; returns them as stored, or nothing on MySQL, which does not tell the numbers it gave. */
export async function writeOutbox(sql: Sql, table: string, events: readonly OutboxEvent[]): Promise<StoredEvent[]> {
  const messages = events.map(({ subject, data, headers = {} }) => ({ id: uuidv7(), subject, data, headers }));
  const columns: readonly InsertColumn[] = [
    "id",
    "subject",
    "headers",
    "data",
    { name: "created_at", expression: sql.dialect.now },
  ];
  const rows = messages.map(({ id, subject, data }, index) => {
    const headers = events[index]?.headers;
    return [id, subject, headers === undefined ? null : JSON.stringify(headers), data];
  });
  if (sql.dialect.product === "mysql") {
    await insertRows(sql, table, columns, rows);
    return [];
  }
  const seqs: number[] = [];
  const telling: Sql = {
    ...{ dialect: sql.dialect, all: sql.all.bind(sql), values: sql.values.bind(sql) },
    run: async (statement, params, options) => {
      const numbered = await sql.all(statement, params, options);
      for (const row of numbered) seqs.push(integer(row.seq));
      return { affected: numbered.length };
    },
  };
  await insertRows(telling, table, columns, rows, " returning seq");
  // Numbers are given in the order of the rows; the order in which they are told is nobody's promise.
  seqs.sort((a, b) => a - b);
  return seqs.flatMap((seq, index) => {
    const message = messages[index];
    return message === undefined ? [] : [{ seq, message }];
  });
}

/** The first events after a number, in the order of their numbers. */
export async function readOutbox({ read, tables }: Database, after: number, limit: number): Promise<StoredEvent[]> {
  const rows = await read.all(
    `select seq, id, subject, headers, data from ${tables.outbox} where seq > ? order by seq limit ?`,
    [after, limit],
  );
  return rows.map((row) => {
    const headers = textOrNull(row.headers);
    return {
      seq: integer(row.seq),
      message: {
        id: text(row.id),
        subject: text(row.subject),
        data: bytes(row.data),
        headers: headers === null ? {} : (JSON.parse(headers) as Record<string, string>),
      },
    };
  });
}

/**
 * Deletes events by their numbers, never "up to" one: a transaction that took a lower number may commit only now. Nor
 * by ranges: MySQL would lock the row after a range, too, and wait for the transaction that writes it.
 */
export async function deleteFromOutbox({ read, tables, dialect }: Database, seqs: readonly number[]): Promise<void> {
  for (const { condition, params, options } of oneOfParts(dialect, "seq", seqs)) {
    await read.run(`delete from ${tables.outbox} where ${condition}`, params, options);
  }
}
