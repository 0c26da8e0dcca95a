// `npm run mesh:scale order=3`: has so many instances of a service run.
import { askControl } from "../control/control-client.ts";
import { exitCodes, meshLayout, meshValues, runCommand } from "./command.ts";

await runCommand({
  usage: `usage: npm run mesh:scale -- SERVICE=COUNT[,SERVICE=COUNT] [--data-dir DIR] [--help]

Has so many instances of order or gateway run. It ends when new ones get requests and surplus ones have finished theirs.
`,
  options: { "data-dir": { type: "string" } },
  positionals: ["SERVICE=COUNT"],
  async run({ values: flags, positionals: [scale = ""] }) {
    const { socket } = meshLayout(meshValues({ MESH_DATA_DIR: flags["data-dir"] }));
    await askControl(socket, "/scale", { scale }, (line) => void process.stdout.write(`${line}\n`));
    process.stdout.write(`${scale}\n`);
    return exitCodes.ok;
  },
});
