import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { envoy, installMissing, natsServer } from "../components/components.ts";
import { ensureCertificates } from "./certificates/store.ts";
import type { MeshContext } from "./components/context.ts";
import { envoyComponent } from "./components/envoy.ts";
import { sendsRequestsTo } from "./components/envoy-admin.ts";
import { natsComponent } from "./components/nats.ts";
import { serviceComponent } from "./components/service.ts";
import { databaseSecrets } from "./database/accounts.ts";
import { databaseProgram, meshDatabase } from "./database/database.ts";
import type { Layout } from "./layout.ts";
import { type Migrations, meshMigrations } from "./migrations.ts";
import type { MeshValues } from "./options.ts";
import { stopOrphans } from "./orphans.ts";
import { choosePorts } from "./ports.ts";
import { ensureSecrets } from "./secrets.ts";
import type { State } from "./state.ts";
import type { Supervisor } from "./supervisor.ts";

/** Secrets that the mesh cannot be without; others are made of them. */
export const meshSecrets: readonly string[] = ["jwt", "service-token", ...databaseSecrets];

export interface PreparedMesh {
  readonly context: MeshContext;
  readonly migrations: Migrations;
  /** Starts everything in order; resolves when all of it is ready. Throws the first failure. */
  start(supervisor: Supervisor): Promise<void>;
}

export interface PrepareOptions {
  readonly layout: Layout;
  readonly state: State;
  readonly values: MeshValues;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly say: (line: string) => void;
}

/** Makes what a start needs: programs, certificates, secrets, ports. Throws StartupError. */
export async function prepareMesh({ layout, state, values, environment, say }: PrepareOptions): Promise<PreparedMesh> {
  await stopOrphans(state, say);
  const kind = values.MESH_DATABASE;
  if (state.database !== undefined && state.database !== kind) {
    say(`the database is ${kind}; what ${state.database} has stays where it is`);
  }
  state.keepDatabase(kind);
  if (!(await installMissing([databaseProgram(kind), natsServer, envoy], "the mesh"))) {
    throw new StartupError("a program that the mesh needs is missing", "see above");
  }
  const { made } = await ensureCertificates(layout.certs);
  if (made.length > 0) say(`certificates made: ${made.join(", ")}`);
  const secrets = ensureSecrets(layout.secrets, meshSecrets);
  const ports = await choosePorts(values, state, say);
  const context: MeshContext = { layout, ports, secrets, environment };
  const database = meshDatabase(context, kind);
  const migrations = meshMigrations(context, database);

  const nats = natsComponent(context, say);
  const proxy = envoyComponent(context);
  for (const name of Object.keys(environment).filter((variable) => /^SURFACE_\w+_PORT$/.test(variable))) {
    say(`${name} has no effect in the mesh: everything is reached through Envoy`);
  }
  const isReachable = (port: number) => sendsRequestsTo(layout.adminSocket, port);
  const controlPlane = serviceComponent(context, {
    name: "mesh",
    scalable: false,
    peers: ["envoy"],
    env: {
      MESH_XDS_PORT: String(ports.controlPlane),
      MESH_EDGE_PORT: String(ports.edge),
      MESH_LISTENER_PORT: String(ports.listener),
      MESH_ENVOY_CERTS_DIR: layout.certs,
    },
  });
  const order = serviceComponent(context, {
    name: "order",
    scalable: true,
    peers: ["envoy"],
    env: { DATABASE_URL_FILE: database.urlFile("order"), DATABASE_TLS: "true" },
    upgrade: () => migrations.up(),
    isReachable,
  });
  const gateway = serviceComponent(context, {
    name: "gateway",
    scalable: true,
    peers: ["envoy"],
    env: { ORDER_URL: `https://127.0.0.1:${ports.listener}`, ORDER_PEER: "envoy" },
    isReachable,
  });

  return {
    context,
    migrations,
    async start(supervisor) {
      const { order: orders = 1, gateway: gateways = 1 } = values.MESH_SCALE;
      supervisor.plan(database.component, nats, controlPlane, proxy, order, gateway);
      await supervisor.start([database.component, 1], [nats, 1]);
      say("applying migrations");
      await migrations.up();
      await supervisor.start([controlPlane, 1], [order, orders]);
      await supervisor.start([proxy, 1]);
      await supervisor.start([gateway, gateways]);
      await supervisor.reachable();
    },
  };
}
