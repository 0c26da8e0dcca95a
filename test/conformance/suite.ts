import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { goInstall, goModuleSource } from "../../tools/components/install.ts";
import { builtPrograms } from "../../tools/components/programs.ts";

const module = "connectrpc.com/conformance";
const version = "v1.0.5";

/** The conformance suite of the Connect project, as https://github.com/connectrpc/conformance describes it. */
export interface Suite {
  readonly program: string;
  /** File with the descriptors of its service, a google.protobuf.FileDescriptorSet. */
  readonly descriptors: string;
}

/** Installs what is missing. Throws where that does not work. */
export async function installSuite(): Promise<Suite> {
  const program = join(builtPrograms, "connectconformance");
  if (!isCurrent(program)) {
    const problem = await goInstall(`${module}/cmd/connectconformance@${version}`).run();
    if (problem !== undefined) throw new Error(`connectconformance cannot be installed: ${problem}`);
  }
  const descriptors = join(dirname(builtPrograms), `conformance-${version}.binpb`);
  if (!existsSync(descriptors)) await buildDescriptors(descriptors);
  return { program, descriptors };
}

function isCurrent(program: string): boolean {
  return existsSync(program) && execFileSync(program, ["--version"], { encoding: "utf8" }).includes(version);
}

/** From the protos of the same version, which Go's module cache has beside the program's source. */
async function buildDescriptors(file: string): Promise<void> {
  const source = join(await goModuleSource(`${module}@${version}`), "proto");
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}.binpb`;
  execFileSync("buf", ["build", source, "--as-file-descriptor-set", "-o", unfinished], { stdio: ["ignore", 2, 2] });
  renameSync(unfinished, file);
}
