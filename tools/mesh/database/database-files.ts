import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type Owner, unprivilegedOwner } from "../../components/process.ts";
import type { CertificateFiles } from "../certificates/store.ts";

/** The folder of one database server, and who owns it. */
export class DatabaseFiles {
  readonly home: string;
  readonly data: string;
  readonly tls: CertificateFiles;
  /** Database servers should not run as root, and PostgreSQL will not; undefined: as whoever we are. */
  readonly owner: Owner | undefined;
  readonly #certificates: CertificateFiles;

  /** Makes the folder. As root the server runs as one of `users`, where that one can get at the folder. */
  constructor(home: string, users: readonly string[], certificates: CertificateFiles) {
    this.home = home;
    this.data = join(home, "data");
    this.tls = { cert: join(home, "tls.crt"), key: join(home, "tls.key"), ca: join(home, "ca.crt") };
    this.#certificates = certificates;
    mkdirSync(home, { recursive: true, mode: 0o700 });
    // The parts of the way that are ours let others through, who still cannot read them.
    for (const folder of [dirname(home), dirname(dirname(home))]) chmodSync(folder, statSync(folder).mode | 0o011);
    const owner = unprivilegedOwner(...users);
    this.owner = owner !== undefined && isReachable(dirname(home)) ? owner : undefined;
    this.#giveAway(home);
  }

  /** Takes over the certificates as they are now: the server's user cannot read the originals. */
  takeCertificates(): void {
    for (const part of ["key", "cert", "ca"] as const) {
      const temporary = `${this.tls[part]}.new`;
      copyFileSync(this.#certificates[part], temporary);
      chmodSync(temporary, 0o600);
      this.#giveAway(temporary);
      renameSync(temporary, this.tls[part]);
    }
  }

  /** Writes a file for the server's user alone. */
  write(name: string, content: string): string {
    const path = join(this.home, name);
    writeFileSync(path, content, { mode: 0o600 });
    this.#giveAway(path);
    return path;
  }

  /** Has `make` fill the data folder where there is none yet; a start that was cut off begins anew. */
  ensureData(make: (folder: string) => void): void {
    if (existsSync(this.data)) return;
    const unfinished = `${this.data}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    make(unfinished);
    renameSync(unfinished, this.data);
  }

  #giveAway(path: string): void {
    if (this.owner !== undefined) chownSync(path, this.owner.uid, this.owner.gid);
  }
}

/** Whether every user gets as far as this folder. */
function isReachable(folder: string): boolean {
  const open = (statSync(folder).mode & 0o001) !== 0;
  return open && (dirname(folder) === folder || isReachable(dirname(folder)));
}
