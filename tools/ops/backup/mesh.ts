import { openDataDir } from "@ordermesh/runtime/lifecycle/data-dir.ts";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { openTlsIdentity } from "@ordermesh/runtime/tls/identity.ts";
import { certificateFiles } from "../../mesh/certificates/store.ts";
import { meshLayout, meshValues } from "../../mesh/cli/command.ts";
import { natsComponent } from "../../mesh/components/nats.ts";
import { askControl, NotRunning } from "../../mesh/control/control-client.ts";
import { databaseAccounts, databaseSecrets, databaseUrl } from "../../mesh/database/accounts.ts";
import { meshDatabase } from "../../mesh/database/database.ts";
import type { Layout } from "../../mesh/layout.ts";
import { prepareMesh } from "../../mesh/mesh.ts";
import { ensureSecrets } from "../../mesh/secrets.ts";
import { State } from "../../mesh/state.ts";
import { Supervisor } from "../../mesh/supervisor.ts";
import { rewindNats } from "./rewind-nats.ts";
import { serverTarget } from "./server.ts";
import type { BackupTarget } from "./target.ts";

/**
 * The database of the mesh, as its administrator. Where the mesh does not run, its database and NATS do meanwhile, and
 * nothing else of it.
 */
export async function meshTarget(): Promise<BackupTarget> {
  const layout = meshLayout(meshValues());
  const stop = (await isRunning(layout)) ? async () => undefined : await startServers(layout);
  try {
    // The servers wrote down where they are.
    const state = new State(layout.state);
    const log = createLogger({ service: "backup", level: "silent" });
    const files = certificateFiles(layout.certs, "operator");
    const identity = await openTlsIdentity(files, { log });
    const { admin, schemas } = databaseAccounts(ensureSecrets(layout.secrets, databaseSecrets));
    const url = databaseUrl(state.database ?? "", state.port("database") ?? 0, admin, schemas[0]?.name ?? "");
    const database = await serverTarget(url, identity);
    const natsUrl = `tls://127.0.0.1:${state.port("nats")}`;
    return {
      ...database,
      title: `${database.title} of the mesh`,
      restore: async (...args) => [
        ...(await database.restore(...args)),
        ...(await rewindNats({ natsUrl, log, tls: files, waitMs: 5000 })),
      ],
      close: async () => {
        identity.close();
        await database.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function isRunning({ socket }: Layout): Promise<boolean> {
  try {
    await askControl(socket, "/ping");
    return true;
  } catch (error) {
    if (error instanceof NotRunning) return false;
    throw error;
  }
}

/** Returns what ends them. */
async function startServers(layout: Layout): Promise<() => Promise<void>> {
  const state = new State(layout.state);
  if (state.database === undefined)
    throw new StartupError(`there is no mesh in ${layout.root}`, "start it: npm run mesh");
  const lock = openDataDir(layout.root);
  const say = () => undefined;
  const supervisor = new Supervisor({ layout, state, say });
  const stop = async () => {
    await supervisor.stop();
    lock.release();
  };
  try {
    const values = meshValues({ MESH_DATABASE: state.database });
    const { context } = await prepareMesh({ layout, state, values, environment: process.env, say });
    const [database, nats] = [meshDatabase(context, values.MESH_DATABASE).component, natsComponent(context, say)];
    supervisor.plan(database, nats);
    await supervisor.start([database, 1], [nats, 1]);
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}
