// `npm run test:mesh`: the whole mesh under load while its parts come, go, crash and change their certificates. Prints
// what clients saw; exits with 1 when one of them saw what it must not.
import { setTimeout as sleep } from "node:timers/promises";
import { type MeshProcess, startMeshProcess } from "./mesh-process.ts";
import { sellThrough } from "./outage.ts";
import { type Shop, shopOf } from "./shop.ts";
import { startLoad } from "./steady-load.ts";

const requestsPerSecond = 200;

const mesh = await startMeshProcess();
try {
  await changes(mesh, shopOf(mesh));
  await outages(mesh, shopOf(mesh));
} finally {
  await mesh.stop();
}

/** No idempotent request may fail while the mesh changes. */
async function changes(mesh: MeshProcess, shop: Shop): Promise<void> {
  const sale = await shop.open("steady", 1);
  const { body } = await shop.buy(sale, "steady");
  const load = startLoad(mesh, String(body.orderId), requestsPerSecond);
  const steps: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["nothing happens", () => sleep(5_000)],
    ["order: 1 to 3 instances", () => mesh.run("scale", "order=3")],
    ["SIGKILL to one of 3 order instances", () => mesh.kill("order").then(() => mesh.healthy())],
    ["order: 3 to 1 instances", () => mesh.run("scale", "order=1")],
    ["rolling restart of order", () => mesh.run("restart", "order")],
    ["rolling restart of gateway", () => mesh.run("restart", "gateway")],
    ["restart of the control plane", () => mesh.run("restart", "mesh")],
    ["SIGKILL to the control plane", () => mesh.kill("mesh").then(() => mesh.healthy())],
    ["new certificates for everybody", () => mesh.run("certs", "--rotate").then(() => sleep(3_000))],
    ["a new authority", () => mesh.run("certs", "--rotate", "authority").then(() => sleep(3_000))],
  ];
  say(`${requestsPerSecond} requests/s through Envoy (REST, Connect, gRPC), none tried again by its client`);
  say("| what happens | seconds | requests | failed | p50 ms | p99 ms | slowest ms |\n|---|---|---|---|---|---|---|");
  for (const [title, work] of steps) {
    const { seconds, requests, failures, p50, p99, slowest } = await load.during(work);
    const figures = [seconds.toFixed(1), requests, failures.length, ...[p50, p99, slowest].map((ms) => ms.toFixed(1))];
    say(`| ${[title, ...figures].join(" | ")} |`);
    if (failures.length > 0) failed(`${title}: ${failures.slice(0, 5).join("; ")}`);
  }
  await load.stop();
}

/** Buyers get every unit once and hear nothing worse than "come back" while the stores are away. */
async function outages(mesh: MeshProcess, shop: Shop): Promise<void> {
  say("\n| SIGKILL while 3,000 buyers buy | seconds | orders | answers but yes |\n|---|---|---|---|");
  for (const component of ["nats", "database"]) {
    const break_ = async () => {
      await mesh.kill(component);
      await mesh.healthy();
    };
    const { seconds, orders, refusals, unclean, problems } = await sellThrough(shop, component, break_);
    const said = Object.entries(refusals).map(([what, count]) => `${count} x ${what}`);
    say(`| ${[component, seconds.toFixed(1), orders, said.join(", ") || "none"].join(" | ")} |`);
    for (const problem of problems) failed(`${component}: ${problem}`);
    if (unclean.length > 0) failed(`${component}: ${unclean.length} answers such as ${unclean[0]}`);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function failed(what: string): void {
  process.exitCode = 1;
  say(`FAILED: ${what}`);
}
