// Makes schemas and accounts on the MySQL server of docker-compose.yml, as their connection URLs say:
// `node deploy/database-accounts.ts --service=order:URL_FILE --migrator=operator:URL_FILE --people=database-ui:URL_FILE`.
// The name before a file is the identity whose certificate the account must show: a password alone opens nothing.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { exitWithFailure } from "@ordermesh/runtime/lifecycle/run-process.ts";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { parseDatabaseUrl } from "@ordermesh/runtime/store/address.ts";
import { peerNamePattern } from "@ordermesh/runtime/tls/peer-name.ts";
import { type Connection, createConnection } from "mysql2/promise";

/** On the account's own schema. None may do anything with other schemas, accounts or the server. */
const rights = {
  service: "select, insert, update, delete",
  migrator: "all privileges",
  people: "all privileges",
} as const;

type Kind = keyof typeof rights;

/** Letters that need no quoting and are alike on every server. */
const namePattern = /^[a-z][a-z0-9_]{0,30}$/;

interface Account {
  readonly kind: Kind;
  readonly identity: string;
  readonly user: string;
  readonly password: string;
  readonly schema: string;
}

async function main(): Promise<void> {
  const several = { type: "string", multiple: true, default: [] as string[] } as const;
  const { values } = parseArgs({ options: { service: several, migrator: several, people: several } });
  const accounts = (["service", "migrator", "people"] as const).flatMap((kind) =>
    values[kind].map((text) => readAccount(kind, text)),
  );
  const connection = await connect();
  try {
    for (const account of accounts) {
      await ensureAccount(connection, account);
      process.stdout.write(`account ${account.user} has schema ${account.schema}\n`);
    }
    // The image lets it in from everywhere with a password alone.
    await connection.query("alter user if exists 'root'@'%' require subject '/CN=operator'");
    await reloadCertificates(connection);
  } finally {
    await connection.end();
  }
}

/** Of `identity:file`. Throws StartupError; no URL stands in its message. */
function readAccount(kind: Kind, text: string): Account {
  const [, identity = "", file = ""] = /^([^:]+):(.+)$/.exec(text) ?? [];
  if (!peerNamePattern.test(identity)) throw new StartupError(`${text} names no identity`, "write IDENTITY:URL_FILE");
  const { user, password, database: schema } = parseDatabaseUrl(readFileSync(file, "utf8").trim());
  if (!namePattern.test(user) || !namePattern.test(schema) || password === "") {
    throw new StartupError(
      `${file} holds no URL with account, password and schema`,
      "write mysql://order:PASSWORD@database:3306/ordermesh_order, with names of small letters, digits and _",
    );
  }
  return { kind, identity, user, password, schema };
}

function connect(): Promise<Connection> {
  const { DATABASE_HOST, DATABASE_PORT, DATABASE_ROOT_PASSWORD_FILE = "" } = process.env;
  const { TLS_CERT_FILE = "", TLS_KEY_FILE = "", TLS_CA_FILE = "" } = process.env;
  const [cert, key, ca] = [TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE].map((file) => readFileSync(file, "utf8"));
  return createConnection({
    host: DATABASE_HOST,
    port: Number(DATABASE_PORT ?? 3306),
    user: "root",
    password: readFileSync(DATABASE_ROOT_PASSWORD_FILE, "utf8").trimEnd(),
    ssl: { cert, key, ca, verifyIdentity: true },
  });
}

/** Also sets the password of an account that is there already. */
async function ensureAccount(connection: Connection, account: Account): Promise<void> {
  const { kind, identity, user, password, schema } = account;
  const name = `'${user}'@'%'`;
  await connection.query(`create database if not exists ${schema} character set utf8mb4 collate utf8mb4_bin`);
  await connection.query(`create user if not exists ${name} identified by ?`, [password]);
  await connection.query(`alter user ${name} identified by ? require subject '/CN=${identity}'`, [password]);
  // In a grant `_` stands for any letter.
  await connection.query(`grant ${rights[kind]} on \`${schema.replaceAll("_", "\\_")}\`.* to ${name}`);
}

/** After a rotation: MySQL reads its own certificate when it is told to. */
async function reloadCertificates(connection: Connection): Promise<void> {
  const [rows] = await connection.query("select version() like '%mariadb%' as isMariadb");
  const [row] = rows as { isMariadb: number }[];
  await connection.query(row?.isMariadb === 1 ? "flush ssl" : "alter instance reload tls");
}

main().catch(exitWithFailure);
