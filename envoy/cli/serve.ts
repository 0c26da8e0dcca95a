import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { ControlPlaneEvent } from "../xds/control-plane.ts";
import type { ListenOptions } from "../xds/listen.ts";
import type { FolderContent } from "../xds/resource-folder.ts";
import { serveFolder } from "../xds/serve-folder.ts";
import { type Command, type Output, readArguments, UsageError } from "./command.ts";

const defaultPort = 15_010;

export const serve: Command = {
  summary: "serve a folder of resources to Envoys (xDS), and follow its changes",
  help: `usage: envoy-config serve FOLDER [--host ADDRESS] [--port PORT] [--cert FILE --key FILE --ca FILE --allow NAME...]

Serves every resource file of FOLDER (as "render --out" writes them into "resources") as a control plane:
ADS, state of the world and delta. A change is served within a second if the whole folder is valid; otherwise
its problems are shown and the last good state stays. Ends with SIGINT or SIGTERM; Envoys keep what they have.

  --host ADDRESS  default 127.0.0.1
  --port PORT     default ${defaultPort}; 0 takes a free one
  --cert, --key   certificate of the server, as PEM files: the port is then mutual TLS
  --ca            authorities that clients' certificates come from
  --allow NAME    a name that a client's certificate may have, such as URI:spiffe://shop/envoy; may be repeated

exit codes: 0 ended by a signal, 1 the folder is invalid or the port is taken, 2 wrong usage`,

  async run(args, output) {
    const { values, positionals } = readArguments(args, {
      host: { type: "string" },
      port: { type: "string" },
      cert: { type: "string" },
      key: { type: "string" },
      ca: { type: "string" },
      allow: { type: "string", multiple: true },
    });
    const [directory, ...more] = positionals;
    if (directory === undefined || more.length > 0) throw new UsageError("serve takes one folder");
    const port = portOf(values.port);
    const tls = await tlsOf(values);
    const events = { onReading: reader(output), onEvent: (event: ControlPlaneEvent) => tell(output, event) };
    const ended = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
    const server = await serveFolder({ directory, host: values.host, port, tls, ...events }).catch((error: Error) => {
      output.err(`envoy-config: ${error.message}\n`);
    });
    if (server === undefined) return 1;
    output.out(`ready ${values.host ?? "127.0.0.1"}:${server.port}\n`);
    await ended;
    await server.close();
    return 0;
  },
};

function portOf(text = String(defaultPort)): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new UsageError(`--port is a number up to 65535, not ${text}`);
  return port;
}

interface TlsArguments {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly allow?: readonly string[];
}

async function tlsOf({ cert, key, ca, allow = [] }: TlsArguments): Promise<ListenOptions["tls"]> {
  if (cert === undefined && key === undefined && ca === undefined && allow.length === 0) return undefined;
  if (cert === undefined || key === undefined || ca === undefined || allow.length === 0) {
    throw new UsageError("--cert, --key, --ca and --allow go together");
  }
  const read = (file: string) =>
    readFile(file).catch((error: Error) => {
      throw new UsageError(error.message);
    });
  const [certificate, privateKey, authorities] = await Promise.all([read(cert), read(key), read(ca)]);
  const isAllowed = (names: readonly string[]) => names.some((name) => allow.includes(name));
  return { cert: certificate, key: privateKey, ca: authorities, isAllowed };
}

/** Problems of a reading, and whether what was read is served. The first reading's errors end the program. */
function reader(output: Output): (content: FolderContent) => void {
  let isFirst = true;
  return ({ snapshot, errors, warnings }) => {
    for (const warning of warnings) output.err(`${warning}\n`);
    if (isFirst) {
      isFirst = false;
      return;
    }
    for (const error of errors) output.err(`${error}\n`);
    output.out(snapshot === undefined ? "not served: the last good state stays\n" : "serving the changed folder\n");
  };
}

function tell(output: Output, event: ControlPlaneEvent): void {
  const node = event.node.id;
  switch (event.kind) {
    case "pushed":
      output.out(
        `${node}: sent ${event.resources} ${event.type}, ${event.removed} removed, version ${event.version}\n`,
      );
      break;
    case "acked":
      output.out(`${node}: took ${event.type} version ${event.version}\n`);
      break;
    case "rejected":
      output.err(`${node}: refused ${event.type} ${event.names.join(", ")}: ${event.reason}\n`);
      break;
    case "connected":
    case "disconnected":
      output.out(`${node}: ${event.kind}\n`);
      break;
    case "stale":
      break;
  }
}
