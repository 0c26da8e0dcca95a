import { type CertificateFiles, certificateFiles } from "../certificates/store.ts";
import type { Layout } from "../layout.ts";
import type { Ports } from "../ports.ts";
import type { Secrets } from "../secrets.ts";

/** What components are made with. */
export interface MeshContext {
  readonly layout: Layout;
  readonly ports: Ports;
  readonly secrets: Secrets;
  /** What the services get besides what the mesh decides. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export function filesOf({ layout }: MeshContext, identity: string): CertificateFiles {
  return certificateFiles(layout.certs, identity);
}

/** What programs that are not ours get: no secret that an operator set for the services. */
export function plainEnvironment({ environment }: MeshContext): NodeJS.ProcessEnv {
  const names = ["PATH", "HOME", "TMPDIR", "LANG"];
  return Object.fromEntries(names.map((name) => [name, environment[name]]));
}
