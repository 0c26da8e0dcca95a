// `npm run test:conformance`: the Connect project's conformance suite against connect-node as it is and against our
// server. Whatever connect-node passes we have to pass.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { type Outcome, parseOutcome, problemsOf, summary } from "./report.ts";
import { installSuite } from "./suite.ts";

const { program, descriptors } = await installSuite();

/** Runs all cases, or those named, against one of the servers. */
function run(server: "plain" | "ours", cases: Iterable<string> = []): Promise<Outcome> {
  const args = ["--mode", "server", "--conf", join(import.meta.dirname, "features.yaml"), "--max-servers", "2"];
  for (const name of cases) args.push("--run", name);
  args.push("--", process.execPath, join(import.meta.dirname, "server.ts"), server, descriptors);
  return new Promise((resolve, reject) => {
    // Its exit code says that some case failed, which the output says better.
    execFile(program, args, { maxBuffer: 1 << 28 }, (_, output, errors) => {
      try {
        resolve(parseOutcome(output));
      } catch (error) {
        reject(new Error(errors, { cause: error }));
      }
    });
  });
}

/**
 * Many cases race with time, and an overloaded machine loses a few: what fails is run again, and only twice is failed.
 * Where the suite's client gave up half-way, all of it is.
 */
async function runTwice(server: "plain" | "ours"): Promise<Outcome> {
  let first = await run(server);
  if (first.notRun > 0) first = await run(server);
  if (first.failures.size === 0) return first;
  const again = await run(server, first.failures.keys());
  const failures = new Map([...again.failures].filter(([name]) => first.failures.has(name)));
  return { total: first.total, notRun: first.notRun + again.notRun, failures };
}

const plain = await runTwice("plain");
const ours = await runTwice("ours");
process.stdout.write(`${summary(plain, ours)}\n`);
for (const problem of problemsOf(plain, ours)) {
  process.exitCode = 1;
  process.stdout.write(`FAILED: ${problem}\n`);
}
