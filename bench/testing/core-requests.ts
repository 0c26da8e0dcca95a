import { readFileSync } from "node:fs";
import type { CreateRequests } from "../load/plan.ts";

/** Tells which cores the load generator may use. */
export const requests: CreateRequests<void> = () => ({
  next: () => ({ method: "GET", path: "/" }),
  summary: () => /^Cpus_allowed_list:\s+(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1],
});
