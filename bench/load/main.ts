// The load generator: reads a plan from standard input, runs it, prints its report.
import { json } from "node:stream/consumers";
import { Http1Connection } from "./http1-connection.ts";
import { Http2Connection } from "./http2-connection.ts";
import type { CreateRequests, LoadPlan } from "./plan.ts";
import { Run } from "./run.ts";

const plan = (await json(process.stdin)) as LoadPlan;
const { requests } = (await import(plan.source.module)) as { requests: CreateRequests<unknown> };
const Connection = plan.protocol === "http2" ? Http2Connection : Http1Connection;
const report = await new Run(plan, requests(plan.source.options), Connection).finish();
process.stdout.write(JSON.stringify(report));
