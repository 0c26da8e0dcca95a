import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { run as runProgram, type ServerProcess, startServer } from "../../tools/components/process.ts";
import { envoyProgram, mariadbPrograms, natsServerProgram } from "../../tools/components/programs.ts";
import { type Image, imageEnvironment } from "./image.ts";
import type { ComposeModel, ComposeService } from "./model.ts";

const isRoot = process.getuid?.() === 0;

/**
 * The containers of docker-compose.yml without an engine: the same programs with the same arguments, variables, files and (where the
 * tests run as root) user ids, each on a loopback address of its own; this machine's servers stand in for the official images.
 */
export class Containers {
  readonly #model: ComposeModel;
  readonly #image: Image;
  readonly #directory: string;
  readonly #addresses: Readonly<Record<string, string>>;
  readonly #running: ServerProcess[] = [];
  readonly #dropsRights: boolean;

  constructor(model: ComposeModel, image: Image, directory: string) {
    this.#model = model;
    this.#image = image;
    this.#directory = directory;
    // Every address that begins with 127 is this machine; a network of our own keeps clear of what else runs here.
    const network = `127.${64 + (process.pid % 64)}.${(process.pid >> 6) % 250}`;
    this.#dropsRights = isRoot && othersCanRun(image.root);
    const names = Object.keys(model.services);
    this.#addresses = Object.fromEntries(names.map((name, index) => [name, `${network}.${index + 2}`]));
    for (const volume of Object.keys(model.volumes)) mkdirSync(join(directory, volume), { recursive: true });
  }

  address(service: string): string {
    return this.#addresses[service] ?? "127.0.0.1";
  }

  /** Lets the calling process find containers by their names, too. */
  async nameHere(): Promise<void> {
    process.env.CONTAINER_ADDRESSES = JSON.stringify(this.#addresses);
    await import("./container-names.mjs");
  }

  /** Where a container's path is on this machine. */
  path(service: string, path: string): string {
    const { volumes = [], secrets = [] } = this.#service(service);
    for (const { target, source } of secrets) {
      if (path === target) return this.#model.secrets[source]?.file ?? path;
    }
    for (const { type, source = "", target, volume } of volumes) {
      if (path !== target && !path.startsWith(`${target}/`)) continue;
      const from = type === "bind" ? source : join(this.#directory, source, volume?.subpath ?? "");
      return join(from, path.slice(target.length));
    }
    return path;
  }

  /** Runs a task, or another program of a service's image, to its end; returns what it printed, throws when it fails. */
  async run(service: string, command = this.#service(service).command ?? []): Promise<string> {
    const [program = "", ...args] = this.#command(service, command);
    try {
      const { stdout } = await promisify(execFile)(program, args, this.#options(service));
      return stdout;
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      throw new Error(`${service}: ${command.join(" ")} failed:\n${stdout}${stderr}`);
    }
  }

  /** Starts a service of ours; resolves when its own health check says that it is well. */
  async start(service: string): Promise<ServerProcess> {
    const [command = "", ...args] = this.#command(service, this.#service(service).command ?? []);
    const { env, uid, gid } = this.#options(service);
    const owner = uid === undefined || gid === undefined ? undefined : { uid, gid };
    return this.#keep(
      await startServer({
        command,
        args,
        env,
        owner,
        logFile: join(this.#directory, `${service}.log`),
        orphanSignal: "KILL",
        ready: () => this.isHealthy(service),
      }),
    );
  }

  async isHealthy(service: string): Promise<boolean> {
    const [, ...command] = this.#service(service).healthcheck?.test.slice(1) ?? [];
    return this.run(service, command).then(
      () => true,
      () => false,
    );
  }

  /** NATS with the configuration that setup wrote. */
  async startNats(): Promise<ServerProcess> {
    const file = this.path("nats", "/nats/nats.conf");
    const address = this.address("nats");
    const text = readFileSync(file, "utf8").replaceAll("0.0.0.0", address).replaceAll("127.0.0.1", address);
    writeFileSync(`${file}.local`, text);
    return this.#keep(
      await startServer({
        command: natsServerProgram().path,
        args: ["--config", `${file}.local`],
        logFile: join(this.#directory, "nats.log"),
        orphanSignal: "KILL",
        ready: () => answers(`http://${address}:8222/healthz`),
      }),
    );
  }

  /** MariaDB with the options that both it and MySQL know, and with root as the image makes it. */
  async startDatabase(): Promise<ServerProcess> {
    const { server, install } = mariadbPrograms();
    const address = this.address("database");
    const home = join(this.#directory, "database");
    const user = isRoot ? ["--user=root"] : [];
    const common = ["--no-defaults", `--datadir=${join(home, "data")}`, ...user];
    runProgram(install, [...common, "--auth-root-authentication-method=normal", "--skip-test-db"]);
    const password = readFileSync(this.path("database", "/run/secrets/database_root_password"), "utf8").trim();
    const init = join(home, "init.sql");
    const statements = [
      // Of MariaDB's installation, without a password.
      "drop user root@'127.0.0.1'",
      `create user root@'%' identified by '${password}'`,
      "grant all on *.* to root@'%' with grant option",
    ];
    writeFileSync(init, statements.map((statement) => `${statement};\n`).join(""));
    const options = (this.#service("database").command ?? []).filter((option) => !option.startsWith("--mysqlx"));
    return this.#keep(
      await startServer({
        command: server,
        args: [
          ...common,
          ...options.map((option) =>
            option.replace(/=(\/.*)$/, (_, path: string) => `=${this.path("database", path)}`),
          ),
          `--bind-address=${address}`,
          "--port=3306",
          `--socket=${join(home, "socket")}`,
          `--pid-file=${join(home, "pid")}`,
          `--init-file=${init}`,
        ],
        logFile: join(this.#directory, "database.log"),
        orphanSignal: "KILL",
        ready: () => accepts(address, 3306),
      }),
    );
  }

  /** Envoy with the bootstrap that setup wrote. */
  async startEnvoy(): Promise<ServerProcess> {
    const file = this.path("envoy", "/certs/envoy/bootstrap.json");
    const address = this.address("envoy");
    const text = readFileSync(file, "utf8")
      .replaceAll('"address": "mesh"', `"address": "${this.address("mesh")}"`)
      .replaceAll("0.0.0.0", address)
      .replaceAll("127.0.0.1", address);
    writeFileSync(`${file}.local`, text);
    return this.#keep(
      await startServer({
        command: envoyProgram(),
        args: ["--config-path", `${file}.local`, "--use-dynamic-base-id", "--log-level", "warning"],
        logFile: join(this.#directory, "envoy.log"),
        orphanSignal: "KILL",
        ready: () => this.#saysHealthy("envoy"),
      }),
    );
  }

  /** The check that the file has for another's image, at the address that the container has here instead of its loopback. */
  #saysHealthy(service: string): Promise<boolean> {
    const [, command = "", ...args] = this.#service(service).healthcheck?.test ?? [];
    const here = args.map((arg) => arg.replaceAll("127.0.0.1", this.address(service)));
    return new Promise((resolve) => execFile(command, here, (error) => resolve(error === null)));
  }

  /** Last started, first stopped. */
  async stop(): Promise<void> {
    for (const server of this.#running.splice(0).reverse()) await server.stop();
  }

  #keep(server: ServerProcess): ServerProcess {
    this.#running.push(server);
    return server;
  }

  #service(name: string): ComposeService {
    const service = this.#model.services[name];
    if (service === undefined) throw new Error(`there is no service ${name}`);
    return service;
  }

  /** With this machine's Node, which finds containers by their names. */
  #command(service: string, command: readonly string[]): string[] {
    const [entrypoint] = this.#image.entrypoint;
    if (entrypoint !== "node") throw new Error(`the image starts ${entrypoint}`);
    const [file = "", ...args] = command[0] === "node" ? command.slice(1) : command;
    const names = join(import.meta.dirname, "container-names.mjs");
    // The files in a task's arguments.
    const mapped = args.map((word) => word.replace(/(?<=:)\/run\/.*$/, (path) => this.path(service, path)));
    return [process.execPath, "--import", names, join(this.#image.root, this.#image.workdir, file), ...mapped];
  }

  #options(service: string) {
    const uid = this.#uid(service);
    return { env: this.#environment(service), ...(uid === undefined ? {} : { uid, gid: uid }) };
  }

  #uid(service: string): number | undefined {
    if (!this.#dropsRights) return undefined;
    const users: Readonly<Record<string, number>> = { node: 1000, root: 0 };
    const user = this.#service(service).user ?? this.#image.user;
    return users[user] ?? Number.parseInt(user, 10);
  }

  #environment(service: string): NodeJS.ProcessEnv {
    const envoy = this.address("envoy");
    const own = Object.entries(this.#service(service).environment ?? {}).map(([name, value]) => {
      if (value === "0.0.0.0") return [name, name === "HOST" ? this.address(service) : envoy];
      return [name, this.path(service, value ?? "")];
    });
    return {
      ...imageEnvironment(this.#image),
      ...Object.fromEntries(own),
      ...(service === "mesh" ? { MESH_ENVOY_CERTS_DIR: join(this.#directory, "certs") } : {}),
      ...(service === "setup" ? this.#folders() : {}),
      ADVERTISE_HOST: this.address(service),
      CONTAINER_ADDRESSES: JSON.stringify(this.#addresses),
    };
  }

  #folders(): NodeJS.ProcessEnv {
    const at = (volume: string) => join(this.#directory, volume);
    return { AUTHORITY_DIR: at("authority"), CERTS_DIR: at("certs"), NATS_DIR: at("nats") };
  }
}

/** Whether a user without rights gets at Node and at a folder: both may lie below one that is closed to others. */
function othersCanRun(folder: string): boolean {
  const script = `require("node:fs").readdirSync(${JSON.stringify(folder)})`;
  return spawnSync(process.execPath, ["-e", script], { uid: 1000, gid: 1000 }).status === 0;
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
