// Runs a script or an installed tool of this repository on a Node that can: `node tools/launch.mjs TARGET [ARGUMENT...]`.
// TARGET is a file of the repository, the name of a tool in node_modules/.bin, `--prepare-only`, or `--installed`
// (npm calls that one after an installation by hand).
// What is missing (Node, packages, generated code) is installed first. Plain JavaScript that runs on Node 18.
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Stop } from "./launch/command.mjs";
import { suitableNode } from "./launch/node.mjs";
import { noteInstalled, prepare } from "./launch/prepare.mjs";
import { replaceProcess, resolveTarget } from "./launch/run.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [target, ...args] = process.argv.slice(2);

async function launch() {
  if (target === undefined) throw new Stop("say what to run: node tools/launch.mjs TARGET [ARGUMENT...]");
  if (target === "--installed") return noteInstalled(root);
  const node = await suitableNode(root);
  await prepare(root, node);
  if (target !== "--prepare-only") await replaceProcess(root, node, [resolveTarget(root, target), ...args]);
}

try {
  await launch();
} catch (error) {
  if (!(error instanceof Stop)) throw error;
  console.error(`ordermesh: ${error.message}`);
  process.exitCode = 1;
}
