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
