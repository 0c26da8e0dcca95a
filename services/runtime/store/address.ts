import { readFileSync } from "node:fs";
import { StartupError } from "../lifecycle/startup-error.ts";

/** Where a database server is and how to get in; from `DATABASE_URL`. */
export interface DatabaseAddress {
  readonly kind: "mysql" | "postgres";
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly tls: DatabaseTls | undefined;
}

/** TLS of one connection to a database. */
export interface DatabaseTls {
  /** Whether the server must have a certificate of an authority that we trust, for the host that is called. */
  readonly rejectUnauthorized: boolean;
  /** PEM, each of them. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

const schemes: Readonly<Record<string, { kind: "mysql" | "postgres"; port: number }>> = {
  "mysql:": { kind: "mysql", port: 3306 },
  "mariadb:": { kind: "mysql", port: 3306 },
  "postgres:": { kind: "postgres", port: 5432 },
  "postgresql:": { kind: "postgres", port: 5432 },
};

/**
 * Reads `mysql://`, `mariadb://` or `postgres://user:password@host:port/database`, with `?sslmode=disable`, `require`
 * (encrypted, any certificate) or `verify-full` (with `&sslrootcert=FILE` for an authority of one's own).
 * Throws StartupError; no message shows the password.
 */
export function parseDatabaseUrl(url: string): DatabaseAddress {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new StartupError("DATABASE_URL is not a URL", "write it as mysql://user:password@host:3306/database");
  }
  const scheme = schemes[parsed.protocol];
  if (scheme === undefined) {
    throw new StartupError(
      `DATABASE_URL has the scheme ${parsed.protocol}//`,
      "use mysql://, mariadb:// or postgres://, or leave it unset for SQLite",
    );
  }
  const database = decodeURIComponent(parsed.pathname.slice(1));
  if (database === "") throw new StartupError("DATABASE_URL names no database", "add it after the host: /database");
  return {
    kind: scheme.kind,
    host: parsed.hostname === "" ? "127.0.0.1" : parsed.hostname.replace(/^\[|\]$/g, ""),
    port: parsed.port === "" ? scheme.port : Number(parsed.port),
    user: decodeURIComponent(parsed.username),
    password: decodeURIComponent(parsed.password),
    database,
    tls: tlsOf(parsed.searchParams),
  };
}

function tlsOf(params: URLSearchParams): DatabaseAddress["tls"] {
  for (const name of params.keys()) {
    if (name === "sslmode" || name === "sslrootcert") continue;
    throw new StartupError(`DATABASE_URL has the unknown parameter ${name}`, "only sslmode and sslrootcert are known");
  }
  const mode = params.get("sslmode") ?? "disable";
  const file = params.get("sslrootcert");
  if (mode === "disable") return undefined;
  if (mode === "require") return { rejectUnauthorized: false };
  if (mode !== "verify-full") {
    throw new StartupError(`DATABASE_URL has sslmode=${mode}`, "use disable, require or verify-full");
  }
  try {
    return file === null ? { rejectUnauthorized: true } : { rejectUnauthorized: true, ca: readFileSync(file, "utf8") };
  } catch (error) {
    throw new StartupError("the file of sslrootcert in DATABASE_URL cannot be read", "check its path", {
      cause: error,
    });
  }
}
