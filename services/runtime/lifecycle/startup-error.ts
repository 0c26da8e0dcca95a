/**
 * A start that cannot succeed until somebody changes something outside the program. Its message is one line (ConfigError:
 * one per problem) that says what is wrong and what to do; it is shown as it is, without a stack.
 */
export class StartupError extends Error {
  readonly exitCode: number;

  constructor(what: string, remedy: string, options: { readonly cause?: unknown; readonly exitCode?: number } = {}) {
    super(`${oneLine(what)}: ${oneLine(remedy)}`, { cause: options.cause });
    this.name = "StartupError";
    this.exitCode = options.exitCode ?? 1;
  }
}

/**
 * The StartupError for a failure of the operating system or of SQLite while `doing` ("open the data directory /x");
 * undefined for anything else, which is then a defect and keeps its stack.
 */
export function toStartupError(error: unknown, doing: string): StartupError | undefined {
  if (error instanceof StartupError) return error;
  if (!(error instanceof Error)) return undefined;
  const remedy = remedyFor(error as NodeJS.ErrnoException & { errcode?: number });
  return remedy === undefined ? undefined : new StartupError(`cannot ${doing}`, remedy, { cause: error });
}

const remedies: Readonly<Record<string, string>> = {
  EACCES: "permission denied; run as the owner of these files or choose another place",
  EPERM: "permission denied; run as the owner of these files or choose another place",
  EROFS: "the file system is read-only; choose another place",
  ENOENT: "its place does not exist and cannot be made; choose another one",
  ENOSPC: "the disk is full; free some space",
  EDQUOT: "the disk quota is used up; free some space",
  ENOTDIR: "a part of the path is a file, not a folder; choose another place",
  EEXIST: "a file of that name is in the way; move it or choose another place",
  EISDIR: "a folder of that name is in the way; move it or choose another place",
  EMFILE: "too many open files; raise the limit (ulimit -n)",
  ENFILE: "too many open files on this machine; close some programs",
  EADDRINUSE:
    "the port is in use; stop the program that holds it or set another one (PORT, SURFACE_<NAME>_PORT; 0 picks a free one)",
  EADDRNOTAVAIL: "this machine has no such address; correct HOST",
  ECONNREFUSED: "nobody listens there; start that server or correct the address",
  ETIMEDOUT: "no answer; check the address and the network",
  ENOTFOUND: "the host name is unknown; correct the address",
  EAI_AGAIN: "the name server does not answer; check the network",
};

/** SQLite result codes (primary part), https://sqlite.org/rescode.html */
const sqliteRemedies: Readonly<Record<number, string>> = {
  5: "another process has the database locked; stop it",
  8: "the database file is read-only; run as its owner",
  10: "reading or writing the disk failed; check the disk",
  11: "the database file is damaged; restore it from a backup",
  13: "the disk is full; free some space",
  14: "the database file cannot be opened; check its permissions",
  26: "the file is not an SQLite database; move it away",
};

function remedyFor(error: NodeJS.ErrnoException & { readonly errcode?: number }): string | undefined {
  if (error.code === "ERR_SQLITE_ERROR") return sqliteRemedies[(error.errcode ?? 0) & 0xff];
  if (error.code === "EACCES" && error.syscall === "listen") {
    return "ports below 1024 need more rights; set another one (PORT, SURFACE_<NAME>_PORT)";
  }
  return error.code === undefined ? undefined : remedies[error.code];
}

function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, " ");
}
