// `npm run mesh:smoke`: whether what matters works, from outside.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { CheckFailure, smokeTest } from "./smoke/checks.ts";
import { SmokeClient } from "./smoke/client.ts";
import { MigrationFailure, type Running, runningMesh, StartFailure, startEmbedded } from "./smoke/instances.ts";

const usage = `usage: npm run mesh:smoke -- [--embedded | --url URL [--ca FILE]] [--help]

Opens a sale of one piece, buys it, waits for the order to appear, cancels it and closes the sale again; health and every
status code are checked. Tests the mesh that runs here; where none runs it starts one, and stops it afterwards.

  --embedded   a new embedded instance with an empty folder instead: what is checked out, whatever runs
  --url URL    what runs there instead; SMOKE_TOKEN is an operator's token where it wants one
  --ca FILE    the authority of its certificate (PEM)

Exit codes: 0 all is well, 1 a check fails, 2 it does not come up or answer, 3 its migrations fail, 64 usage.
`;
const exitCodes = { failed: 1, down: 2, migrations: 3, usage: 64 } as const;

/** What is there answers within this (milliseconds). */
const probeMs = 2_000;

const say = (line: string) => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      embedded: { type: "boolean", default: false },
      url: { type: "string" },
      ca: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return say(usage);
  const { url, ca, embedded } = values;
  if ((embedded && url !== undefined) || (ca !== undefined && url === undefined))
    throw new TypeError("these do not go together");
  const running = url !== undefined ? given(url, ca) : embedded ? await startEmbedded() : await runningMesh(say);
  const interrupted = () => void running.stop().finally(() => process.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupted);
  const client = new SmokeClient(running.endpoint);
  try {
    await client.ask("GET", "/healthz", undefined, probeMs).catch((error: unknown) => {
      throw new StartFailure(`${running.endpoint.url} does not answer: ${messageOf(error)}`);
    });
    await smokeTest(client, say);
    say(`all is well at ${running.endpoint.url}`);
  } finally {
    await client.close();
    await running.stop();
  }
}

function given(url: string, ca: string | undefined): Running {
  const token = process.env.SMOKE_TOKEN || undefined;
  return {
    endpoint: { url, token, ca: ca === undefined ? undefined : readFileSync(ca, "utf8") },
    stop: async () => undefined,
  };
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CheckFailure) return exitCodes.failed;
  if (error instanceof MigrationFailure) return exitCodes.migrations;
  if (error instanceof StartFailure || error instanceof StartupError) return exitCodes.down;
  return error instanceof TypeError ? exitCodes.usage : exitCodes.failed;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`ordermesh: smoke test: ${messageOf(error)}\n`);
  process.exitCode = exitCodeOf(error);
  if (process.exitCode === exitCodes.usage) process.stderr.write(usage);
}
