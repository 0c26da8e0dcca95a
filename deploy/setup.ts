// Prepares the volumes of docker-compose.yml: `node deploy/setup.ts [--rotate | --rotate-authority]`. Run by every start: what is
// good stays, what expires within a month is renewed.
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { exitWithFailure } from "@ordermesh/runtime/lifecycle/run-process.ts";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { certificateFolder } from "envoy-config-tools/mesh/certificate-folder.ts";
import { type CertificateFiles, certificateFiles, ensureCertificates } from "../tools/mesh/certificates/store.ts";
import { natsConfiguration } from "../tools/mesh/components/nats-configuration.ts";
import { envoyBootstrap } from "./envoy-bootstrap.ts";
import { containerIdentities, users } from "./identities.ts";
import { ensureFolder, publishFile, readIfThere } from "./publish.ts";

const usage = `usage: node deploy/setup.ts [--rotate | --rotate-authority]
  --rotate             new certificates for everybody
  --rotate-authority   a new authority, too; the old one is trusted until it expires
`;

/** Services look at their files every second, Envoy is told at once. */
const settleMs = 5_000;

const {
  AUTHORITY_DIR: authority = "/authority",
  CERTS_DIR: certs = "/certs",
  NATS_DIR: nats = "/nats",
  EDGE_HOSTS = "localhost",
  EDGE_CERTIFICATE_FILE,
  EDGE_KEY_FILE,
} = process.env;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rotate: { type: "boolean", default: false },
      "rotate-authority": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return void process.stdout.write(usage);
  const rotate = values["rotate-authority"] ? "authority" : values.rotate ? "certificates" : undefined;
  const identities = containerIdentities(EDGE_HOSTS.split(",").map((host) => host.trim()));
  const settle = async () => {
    for (const { name, uid } of identities) publish(name, uid, ["ca"]);
    await sleep(settleMs);
  };
  const report = await ensureCertificates(authority, { identities, rotate, settle });
  // The key before the certificate, as the authority's own folder is written.
  for (const { name, uid } of identities) publish(name, uid, ["ca", "key", "cert"]);
  publishEnvoy();
  publishNats();
  process.stdout.write(`authority ${report.authority}; new certificates: ${report.made.join(", ") || "none"}\n`);
}

/** Copies an identity's files from the folder of the authority, which nobody else sees, to one that its container sees. */
function publish(name: string, uid: number, files: readonly (keyof CertificateFiles)[]): void {
  const own: Partial<Record<string, string>> = name === "edge" ? operatorsEdge() : {};
  ensureFolder(join(certs, name), uid);
  for (const file of files) {
    const content = own[file] ?? readIfThere(certificateFiles(authority, name)[file]);
    if (content !== undefined) publishFile(certificateFiles(certs, name)[file], content, uid);
  }
}

/** The operator's certificate for the edge (PEM, with what is between it and a public authority), where there is one. */
function operatorsEdge(): { readonly cert?: string; readonly key?: string } {
  const [cert, key] = [EDGE_CERTIFICATE_FILE, EDGE_KEY_FILE].map((file) => (file && readIfThere(file)) || undefined);
  if ((cert === undefined) === (key === undefined)) return { cert, key };
  throw new StartupError(
    "the edge has a certificate or a key, not both",
    "set EDGE_CERTIFICATE_FILE and EDGE_KEY_FILE",
  );
}

/** What Envoy starts with, and how it finds its certificates. */
function publishEnvoy(): void {
  const bootstrap = envoyBootstrap({
    certificates: certs,
    controlPlane: { host: "mesh", port: 15_010 },
    adminPort: 9_901,
    metrics: { host: "0.0.0.0", port: 9_902 },
    // Four fifths of the container's limit.
    maxHeapBytes: 600 * 1024 ** 2,
  });
  const files = ["envoy", "edge"].flatMap((name) => certificateFolder(join(certs, name)).files);
  for (const { path, text } of files) publishFile(path, text, users.envoy);
  publishFile(join(certs, "envoy/bootstrap.json"), bootstrap, users.envoy);
}

function publishNats(): void {
  const configuration = natsConfiguration({
    listen: { host: "0.0.0.0", port: 4222 },
    monitorPort: 8222,
    store: join(nats, "store"),
    files: certificateFiles(certs, "nats"),
    syncs: true,
  });
  ensureFolder(nats, users.node, 0o700);
  publishFile(join(nats, "nats.conf"), configuration, users.node);
}

main().catch(exitWithFailure);
