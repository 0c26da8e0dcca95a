import { minimumApiKeyLength, parseApiKeys } from "../auth/api-keys.ts";
import { minimumSecretBytes, parseSecrets } from "../auth/secret-ring.ts";
import { peerNamePattern, peerUri } from "../tls/peer-name.ts";
import { type ConfigValues, defineConfig, option } from "./option.ts";
import { choice, decimal, integer, list, parsed, port, text, url, urlList } from "./values.ts";

const day = "days";
const milliseconds = "milliseconds";
const host = text(/^[\w.:[\]-]+$/, "a host name or IP address");
const path = text(/^[^\0]+$/, "a path");
const secrets = parsed(
  parseSecrets,
  `at least ${minimumSecretBytes} bytes; several, one a line, while keys are rotated: the first signs, all verify`,
);
const flag = choice("true", "false");

/** The options that every service has. */
export const runtimeOptions = defineConfig({
  HOST: option({
    schema: host,
    default: "127.0.0.1",
    doc: "The address to listen on.",
    reason: "Only this machine can reach a server that nobody has secured yet.",
  }),
  PORT: option({
    schema: port,
    default: 8080,
    doc: "The one port of REST, Connect, gRPC-Web and gRPC; 0 picks a free one, and the ready line says which.",
    reason: "The customary port of an HTTP server without root's rights.",
  }),
  DATA_DIR: option({
    schema: path,
    default: "data",
    doc: "Folder of the SQLite files, the embedded bus, certificates and the process lock.",
    reason: "Beside the program, where a newcomer finds it.",
  }),
  DATABASE_URL: option({
    schema: url("mysql", "mariadb", "postgres", "postgresql"),
    doc: "The database; unset: SQLite files in DATA_DIR.",
    reason: "A first start needs no server.",
    secret: "url",
  }),
  NATS_URL: option({
    schema: urlList("nats", "tls", "ws", "wss"),
    doc: "The NATS servers with JetStream; unset: the embedded bus in DATA_DIR.",
    reason: "A first start needs no server.",
    secret: "url",
  }),
  AUTH: option({
    schema: choice("open", "jwt"),
    defaultText: "open when embedded (no DATABASE_URL, no NATS_URL, no TLS_CERT_FILE) on a loopback HOST, else jwt",
    doc: "open: a request without credentials acts as the local administrator; jwt: it is nobody.",
    reason: "A first start needs no login, and nothing that others can reach is open by accident.",
  }),
  JWT_SECRET: option({
    schema: secrets,
    doc: "Shared secret of HS256 tokens.",
    reason: "There is no default secret: a known one is none. The length is HMAC-SHA-256's (RFC 7518, section 3.2).",
    secret: true,
  }),
  JWT_JWKS_URL: option({
    schema: url("https", "http"),
    doc: "Where the token issuer publishes its keys; instead of JWT_SECRET.",
    reason: "Only the operator knows the issuer.",
  }),
  JWT_ISSUER: option({
    schema: text(/^\S+$/, "a text without spaces"),
    doc: "The `iss` that tokens must have; needed where tokens are.",
    reason: "Tokens of another issuer are not for us.",
  }),
  JWT_AUDIENCE: option({
    schema: text(/^\S+$/, "a text without spaces"),
    doc: "The `aud` that tokens must have; needed where tokens are.",
    reason: "Tokens made for another program are not for us.",
  }),
  TLS_CERT_FILE: option({
    schema: path,
    doc: "Certificate of this process (PEM, with what is between it and the authority). With it the port speaks TLS and takes only callers with a certificate; outgoing calls show it, too. The three files are watched: new ones count for new connections.",
    reason: "On loopback there is nobody to keep out.",
  }),
  TLS_KEY_FILE: option({
    schema: path,
    doc: "Private key of TLS_CERT_FILE (PEM).",
    reason: "As TLS_CERT_FILE.",
  }),
  TLS_CA_FILE: option({
    schema: path,
    doc: "Certificates of the authorities (PEM) that vouch for callers and for servers that are called.",
    reason: "Of the mesh's own authority; a public one vouches for anybody.",
  }),
  TLS_PEERS: option({
    schema: list(peerNamePattern, "names of letters, digits and `-`, separated by commas"),
    doc: `Who may call: the NAME in a certificate's ${peerUri("NAME")}.`,
    reason: "A certificate says who somebody is, not that this process is theirs to call.",
  }),
  SERVICE_TOKEN_SECRET: option({
    schema: secrets,
    doc: "Shared by the gateway, which signs with it for whom it calls, and the services, which take its word.",
    reason: "Without it a gateway apart can only hand on the credentials that a request brought.",
    secret: true,
  }),
  DATABASE_TLS: option({
    schema: flag,
    default: "false",
    doc: "Whether database connections use TLS with TLS_CERT_FILE, and check the server's certificate and name.",
    reason: "Servers need certificates first.",
  }),
  MESH_REGISTRY: option({
    schema: flag,
    default: "false",
    doc: "Whether this process registers itself, once it is ready, in the KV bucket MESH_REGISTRY of NATS_URL.",
    reason: "One process alone is found by its address.",
  }),
  ADVERTISE_HOST: option({
    schema: host,
    defaultText: "HOST",
    doc: "The address that is registered.",
    reason: "Where the process listens; in a container others know it by another one.",
  }),
  INSTANCE_ZONE: option({
    schema: text(/^[\w.-]{1,63}$/, "up to 63 letters, digits, `.`, `-` and `_`"),
    doc: "The zone (data centre, rack) that is registered.",
    reason: "One machine has none.",
  }),
  LOG_LEVEL: option({
    schema: choice("trace", "debug", "info", "warn", "error", "fatal", "silent"),
    default: "info",
    doc: "The least level that is logged.",
    reason: "One line for each thing an operator acts on; calls that went well are debug.",
  }),
  LOG_FORMAT: option({
    schema: choice("pretty", "json"),
    defaultText: "pretty when embedded, else json",
    doc: "Lines for people or for collectors, on standard error.",
    reason: "A person watches an embedded start, a collector the mesh.",
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: option({
    schema: url("http", "https"),
    doc: "Base URL of an OTLP/HTTP collector for traces; unset: none are recorded.",
    reason: "Nothing leaves the machine unasked.",
  }),
  OTEL_TRACES_SAMPLER_ARG: option({
    schema: decimal(0, 1),
    default: 1,
    doc: "Part of the traces beginning here that are recorded; others follow their caller.",
    reason: "Who sets a collector wants traces; a busy site turns it down.",
  }),
  MAX_REQUEST_BYTES: option({
    schema: integer(1024, 67_108_864, "bytes"),
    default: 1_048_576,
    doc: "The largest request body or message.",
    reason: "Far above any order, and a hundred of them at once still fit in memory.",
  }),
  DEFAULT_TIMEOUT_MS: option({
    schema: integer(100, 600_000, milliseconds),
    default: 10_000,
    doc: "Deadline of a call that brings none.",
    reason: "MiniShop's web client gives up after 10 seconds.",
  }),
  MAX_TIMEOUT_MS: option({
    schema: integer(100, 600_000, milliseconds),
    default: 60_000,
    doc: "The longest deadline that a caller may ask for.",
    reason: "Proxies on the way seldom wait longer.",
  }),
  DB_POOL_SIZE: option({
    schema: integer(1, 500),
    default: 10,
    doc: "Most connections of one service to its database.",
    reason: "Group commit keeps few connections busy; PostgreSQL allows 100 in all, which ten processes share.",
  }),
  DB_STATEMENT_TIMEOUT_MS: option({
    schema: integer(100, 600_000, milliseconds),
    default: 5_000,
    doc: "A statement that runs longer is cancelled (SQLite cannot: there row counts are bounded).",
    reason: "Half the default deadline: there is time left to say so.",
  }),
  DB_LOCK_TIMEOUT_MS: option({
    schema: integer(100, 600_000, milliseconds),
    default: 3_000,
    doc: "A statement that waits longer for a lock fails and its transaction is tried again.",
    reason: "Under the statement timeout, so that waiting is told from working.",
  }),
  IDEMPOTENCY_RETENTION_DAYS: option({
    schema: integer(1, 365, day),
    default: 7,
    doc: "How long an Idempotency-Key is remembered with its answer.",
    reason: "Clients retry for minutes; a queue that stood over a weekend still gets its answers.",
  }),
  INBOX_RETENTION_DAYS: option({
    schema: integer(1, 3650, day),
    default: 35,
    doc: "How long a handled message is remembered.",
    reason: "Longer than anything can be delivered again: the streams and the dead letters.",
  }),
  STREAM_RETENTION_DAYS: option({
    schema: integer(1, 3650, day),
    default: 7,
    doc: "How long the bus keeps messages.",
    reason: "A consumer may be down for a week without losing any.",
  }),
  DEAD_LETTER_RETENTION_DAYS: option({
    schema: integer(1, 3650, day),
    default: 30,
    doc: "How long messages that nobody could handle are kept.",
    reason: "A month to notice, repair and replay.",
  }),
  DRAIN_DELAY_MS: option({
    schema: integer(0, 120_000, milliseconds),
    default: 0,
    doc: "How long a stopping server that says it is not ready still takes requests.",
    reason: "Without a load balancer nobody needs to notice; behind one set it to its health check's period.",
  }),
  DRAIN_TIMEOUT_MS: option({
    schema: integer(0, 600_000, milliseconds),
    default: 10_000,
    doc: "How long a stopping server finishes what it has in hand.",
    reason: "The default deadline of a call; well inside the 30 seconds that Kubernetes waits.",
  }),
});

/** The options of each legacy surface; the variable is `SURFACE_<NAME>_` and the name here. */
export const surfaceOptions = defineConfig({
  AUTH: option({
    schema: choice("anonymous", "apikey", "jwt"),
    defaultText: "as AUTH",
    doc: "Who may use this surface; anonymous: everybody, as the surface's own user, never as operator.",
    reason: "An old system's open door is opened again only by name.",
  }),
  API_KEYS: option({
    schema: parsed(
      parseApiKeys,
      `keys of at least ${minimumApiKeyLength} characters or sha256:HEX, separated by commas, each with an optional user: or operator: before it`,
    ),
    default: [],
    doc: "Keys that the surface takes as `x-api-key` or bearer token.",
    reason: "There is no default key.",
    secret: true,
  }),
  PERSONAL_DATA: option({
    schema: choice("masked", "shown"),
    default: "masked",
    doc: "Whether callers without a login of their own see names, addresses and phones.",
    reason: "Whoever can reach an anonymous surface would see them.",
  }),
  CURRENCY: option({
    schema: text(/^[A-Z]{3}$/, "an ISO 4217 code"),
    default: "CNY",
    doc: "Currency of the amounts on this surface, whose payloads name none.",
    reason: "That of the legacy systems.",
  }),
  PORT: option({
    schema: port,
    doc: "A port where this surface is served alone, as its old system was.",
    reason: "Most clients find it on the shared port.",
  }),
});

export type RuntimeValues = ConfigValues<typeof runtimeOptions>;
export type SurfaceValues = ConfigValues<typeof surfaceOptions>;

/** The variable of a surface's option: `SURFACE_MINISHOP_PORT`. */
export function surfaceVariable(surface: string, name: string): string {
  return `SURFACE_${surface.toUpperCase().replaceAll("-", "_")}_${name}`;
}

/** The surface's part of all values, by the names of `surfaceOptions`. */
export function surfaceValues(values: RuntimeValues, surface: string): SurfaceValues {
  const all: Readonly<Record<string, unknown>> = values;
  const own = Object.keys(surfaceOptions).map((name) => [name, all[surfaceVariable(surface, name)]]);
  return Object.fromEntries(own) as SurfaceValues;
}
