import { StartupError, toStartupError } from "../lifecycle/startup-error.ts";
import { StoreError } from "./store-error.ts";

const tlsCodes = [
  ...["ERR_TLS_CERT_ALTNAME_INVALID", "CERT_HAS_EXPIRED", "SELF_SIGNED_CERT_IN_CHAIN", "CERT_SIGNATURE_FAILURE"],
  ...["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "DEPTH_ZERO_SELF_SIGNED_CERT"],
  ...["HANDSHAKE_SSL_ERROR", "HANDSHAKE_NO_SSL_SUPPORT"],
];
/** The PostgreSQL driver has no code for it. */
const noTls = "The server does not support SSL connections";
const tlsRemedy =
  "TLS with it fails; it needs a certificate for that host from an authority that we trust, and must trust ours";

/** By MySQL's errno or PostgreSQL's SQLSTATE. */
const remedies: readonly (readonly [codes: readonly (string | number)[], remedy: string])[] = [
  [[1044, 1045, "28P01", "28000"], "it refuses the user; correct user and password in DATABASE_URL"],
  [[1049, "3D000"], "it does not exist; create it or correct DATABASE_URL"],
  [[1290, 1792, 1836, "25006"], "it is read-only; make it writable or use the primary server"],
  [[1021, 1114, "53100"], "its disk is full; free some space"],
  [[1040, 1203, "53300"], "it takes no more connections; raise its limit or lower the pool size"],
  [[1142, 1227, "42501"], "our user lacks rights; grant all rights on it, DDL included"],
  [tlsCodes, tlsRemedy],
];

/** The StartupError for a failure of the store while `doing` ("open the database x"); a defect of ours stays as it is. */
export function storeStartupError(error: unknown, doing: string): unknown {
  const chain = causes(error);
  if (chain.some(({ message }) => message === noTls)) {
    return new StartupError(`cannot ${doing}`, tlsRemedy, { cause: error });
  }
  for (const { errno, code } of chain) {
    const known = remedies.find(([codes]) => codes.some((wanted) => wanted === errno || wanted === code));
    if (known !== undefined) return new StartupError(`cannot ${doing}`, known[1], { cause: error });
  }
  for (const inner of chain) {
    const known = toStartupError(inner, doing);
    if (known !== undefined) return known;
  }
  if (!(error instanceof StoreError)) return error;
  if (error.kind === "conflict") {
    return new StartupError(`cannot ${doing}`, "another process has it locked; stop that or wait", { cause: error });
  }
  if (error.kind === "unavailable" || error.kind === "timeout") {
    return new StartupError(`cannot ${doing}`, "it does not answer; start it or correct DATABASE_URL", {
      cause: error,
    });
  }
  return error;
}

interface Coded {
  readonly errno?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly parent?: unknown;
  readonly cause?: unknown;
}

/** The error and what it wraps, outermost first; Sequelize names the wrapped one `parent`. */
function causes(error: unknown): Coded[] {
  const chain: Coded[] = [];
  for (let inner = error; typeof inner === "object" && inner !== null; ) {
    const coded: Coded = inner;
    chain.push(coded);
    inner = coded.parent ?? coded.cause;
  }
  return chain;
}
