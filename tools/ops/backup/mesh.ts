import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { openTlsIdentity } from "@ordermesh/runtime/tls/identity.ts";
import { certificateFiles } from "../../mesh/certificates/store.ts";
import { databaseAccounts, databaseSecrets, databaseUrl } from "../../mesh/database/accounts.ts";
import { layoutOf } from "../../mesh/layout.ts";
import { ensureSecrets } from "../../mesh/secrets.ts";
import { State } from "../../mesh/state.ts";
import { rewindNats } from "./rewind-nats.ts";
import { serverTarget } from "./server.ts";
import type { BackupTarget } from "./target.ts";

/** The database of the mesh whose data is in `directory`, as its administrator. */
export async function meshTarget(directory: string): Promise<BackupTarget> {
  const layout = layoutOf(directory);
  const state = new State(layout.state);
  const [port, natsPort] = [state.port("database"), state.port("nats")];
  if (state.database === undefined || port === undefined || natsPort === undefined) {
    throw new StartupError(`there is no mesh in ${directory}`, "start it once: npm run mesh");
  }
  const log = createLogger({ service: "backup", level: "silent" });
  const files = certificateFiles(layout.certs, "operator");
  const identity = await openTlsIdentity(files, { log });
  const { admin, schemas } = databaseAccounts(ensureSecrets(layout.secrets, databaseSecrets));
  const url = databaseUrl(state.database, port, admin, schemas[0]?.name ?? "");
  const database = await serverTarget(url, identity);
  return {
    ...database,
    title: `the mesh's ${database.title}`,
    restore: async (...args) => [
      ...(await database.restore(...args)),
      ...(await rewindNats({ natsUrl: `tls://127.0.0.1:${natsPort}`, log, tls: files, waitMs: 5000 })),
    ],
    close: async () => {
      identity.close();
      await database.close();
    },
  };
}
