import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { ServerChild } from "./server-child.ts";

/** Work that a program of a suite does when it is told to; what it returns goes back as JSON. */
export type Job = () => Promise<unknown>;

/** Prints the ready line of a program that waits for `POST /<job>`, so that its start is not part of what is measured. */
export function serveJobs(jobs: Readonly<Record<string, Job>>): void {
  const server = createServer(async (request, response) => {
    const job = jobs[request.url?.slice(1) ?? ""];
    try {
      if (job === undefined) throw new Error(`there is no job ${request.url}`);
      response.end(JSON.stringify((await job()) ?? null));
    } catch (error) {
      response.writeHead(500).end(error instanceof Error ? error.stack : String(error));
    }
  });
  server.listen(0, "127.0.0.1", () => {
    process.stdout.write(`ready http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
  });
}

/** Runs a job of such a program to its end. Throws when it fails. */
export async function runJob(server: ServerChild, job: string): Promise<unknown> {
  const response = await fetch(`${server.url}/${job}`, { method: "POST" });
  if (!response.ok) throw new Error(`${server.name}: ${await response.text()}`);
  return await response.json();
}
