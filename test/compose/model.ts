import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { composeLoaderProgram } from "../../tools/components/programs.ts";

export const repository = join(import.meta.dirname, "../..");
export const composeFile = join(repository, "docker-compose.yml");
export const profiles = ["tools", "observability"] as const;

export interface ComposeVolume {
  readonly type: "bind" | "volume" | "tmpfs";
  readonly source?: string;
  readonly target: string;
  readonly read_only?: boolean;
  readonly volume?: { readonly subpath?: string };
}

export interface ComposeService {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command: readonly string[] | null;
  readonly user?: string;
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly volumes?: readonly ComposeVolume[];
  readonly secrets?: readonly { readonly source: string; readonly target: string }[];
  readonly ports?: readonly { readonly host_ip?: string; readonly published: string; readonly target: number }[];
  readonly networks?: Readonly<Record<string, unknown>>;
  readonly network_mode?: string;
  readonly profiles?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[]; readonly timeout: string };
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly cap_add?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly logging?: { readonly options?: Readonly<Record<string, string>> };
  readonly deploy?: { readonly resources?: { readonly limits?: Readonly<Record<string, unknown>> } };
}

export interface ComposeModel {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file?: string }>>;
}

/** A value for everything that has to be set. */
export const required: Readonly<Record<string, string>> = {
  JWT_SECRET_FILE: "./secrets/jwt_secret",
  SERVICE_TOKEN_SECRET_FILE: "./secrets/service_token_secret",
  DATABASE_ROOT_PASSWORD_FILE: "./secrets/database_root_password",
  ORDER_DATABASE_URL_FILE: "./secrets/order_database_url",
  ORDER_MIGRATION_URL_FILE: "./secrets/order_migration_url",
  DATABASE_PEOPLE_URL_FILE: "./secrets/database_people_url",
  GRAFANA_ADMIN_PASSWORD_FILE: "./secrets/grafana_admin_password",
  JWT_ISSUER: "https://issuer.example",
  JWT_AUDIENCE: "ordermesh",
};

interface LoadOptions {
  readonly profiles?: readonly string[];
  readonly envFiles?: readonly string[];
  /** Files that override it. */
  readonly overrides?: readonly string[];
}

/** The file as `docker compose` resolves it with these variables and no others. Throws an Error with the loader's words. */
export function loadModel(env: Readonly<Record<string, string>> = required, options: LoadOptions = {}): ComposeModel {
  const { status, stdout, stderr } = spawnSync(composeLoaderProgram(), [composeFile, ...(options.overrides ?? [])], {
    encoding: "utf8",
    env: {
      ...env,
      COMPOSE_PROFILES: (options.profiles ?? []).join(","),
      COMPOSE_ENV_FILES: (options.envFiles ?? []).join(","),
    },
  });
  if (status !== 0) throw new Error(stderr.trim());
  return JSON.parse(stdout);
}

/** With all profiles. */
export function wholeModel(): ComposeModel {
  return loadModel(required, { profiles });
}
