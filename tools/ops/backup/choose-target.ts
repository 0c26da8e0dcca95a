import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "@ordermesh/runtime/config/load-config.ts";
import { runtimeOptions } from "@ordermesh/runtime/config/runtime-options.ts";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { openTlsIdentity, type TlsFiles } from "@ordermesh/runtime/tls/identity.ts";
import { meshTarget } from "./mesh.ts";
import { rewindNats } from "./rewind-nats.ts";
import { serverTarget } from "./server.ts";
import { sqliteTarget } from "./sqlite.ts";
import type { BackupTarget } from "./target.ts";

const { DATABASE_URL, DATABASE_TLS, NATS_URL, DATA_DIR, TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE } = runtimeOptions;
const options = { DATABASE_URL, DATABASE_TLS, NATS_URL, DATA_DIR, TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE };

export const targetHelp = `Which database: that of DATABASE_URL (with DATABASE_TLS and TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE where the server wants
them); else the mesh's in DATA_DIR/mesh (MESH_DATA_DIR), whether it runs or not; else the SQLite files in DATA_DIR. Where both of
these are there, --mesh or --embedded says which.
`;

/** The databases that this environment speaks of. Throws StartupError and ConfigError. */
export async function chooseTarget(
  env: Readonly<Record<string, string | undefined>>,
  wanted: { readonly mesh: boolean; readonly embedded: boolean },
): Promise<BackupTarget> {
  const values = loadConfig(options, env);
  if (values.DATABASE_URL === undefined || wanted.mesh || wanted.embedded) {
    const meshDir = env.MESH_DATA_DIR || join(values.DATA_DIR, "mesh");
    const [hasMesh, hasFiles] = [
      existsSync(join(meshDir, "database")),
      existsSync(join(values.DATA_DIR, "order.sqlite")),
    ];
    if (hasMesh && hasFiles && wanted.mesh === wanted.embedded) {
      throw new StartupError(`there are databases in ${meshDir} and in ${values.DATA_DIR}`, "say --mesh or --embedded");
    }
    return wanted.mesh || (hasMesh && !wanted.embedded) ? meshTarget() : sqliteTarget(values.DATA_DIR);
  }
  const log = createLogger({ service: "backup", level: "silent" });
  const files = tlsFiles(values);
  const identity = files && (await openTlsIdentity(files, { log }));
  const database = await serverTarget(values.DATABASE_URL, values.DATABASE_TLS === "true" ? identity : undefined);
  const { NATS_URL: natsUrl } = values;
  return {
    ...database,
    restore: async (...args) => [
      ...(await database.restore(...args)),
      ...(natsUrl === undefined ? [] : await rewindNats({ natsUrl, log, ...(files && { tls: files }), waitMs: 5000 })),
    ],
    close: async () => {
      identity?.close();
      await database.close();
    },
  };
}

function tlsFiles(values: {
  readonly TLS_CERT_FILE: string | undefined;
  readonly TLS_KEY_FILE: string | undefined;
  readonly TLS_CA_FILE: string | undefined;
}): TlsFiles | undefined {
  const { TLS_CERT_FILE: cert, TLS_KEY_FILE: key, TLS_CA_FILE: ca } = values;
  return cert === undefined || key === undefined || ca === undefined ? undefined : { cert, key, ca };
}
