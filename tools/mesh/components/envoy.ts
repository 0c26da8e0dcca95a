import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { toJsonString } from "@bufbuild/protobuf";
import { peerUri } from "@ordermesh/runtime/tls/peer-name.ts";
import { bootstrap } from "envoy-config-tools/builders/bootstrap.ts";
import { BootstrapSchema } from "envoy-config-tools/gen/envoy/config/bootstrap/v3/bootstrap_pb";
import { certificateFolder } from "envoy-config-tools/mesh/certificate-folder.ts";
import { envoyTypes } from "envoy-config-tools/types.ts";
import { envoyProgram } from "../../components/programs.ts";
import { replaceFile } from "../certificates/store.ts";
import type { Component } from "../component.ts";
import { type MeshContext, plainEnvironment } from "./context.ts";
import { askAdmin } from "./envoy-admin.ts";
import { reasonOf } from "./https.ts";

/**
 * Envoy: edge and inner listener in one process. All but the way to its control plane comes from there. On Linux it asks the
 * kernel to end it with whoever started it (PR_SET_PDEATHSIG): unlike the others it does not outlive a supervisor that is killed.
 */
export function envoyComponent(context: MeshContext): Component {
  const { layout, ports } = context;
  return {
    name: "envoy",
    scalable: false,
    launch: async () => {
      mkdirSync(layout.envoy, { recursive: true, mode: 0o700 });
      // Files that tell Envoy where its certificates are and when to read them anew.
      const folders = ["envoy", "edge"].map((name) => certificateFolder(join(layout.certs, name)));
      for (const { path, text } of folders.flatMap(({ files }) => files)) replaceFile(path, text);
      const file = join(layout.envoy, "bootstrap.json");
      replaceFile(file, bootstrapText(context));
      const args = ["--config-path", file, "--use-dynamic-base-id", "--log-level", "warning"];
      return { command: envoyProgram(), args, env: plainEnvironment(context), stopTimeoutMs: 10_000 };
    },
    port: () => ports.edge,
    async check() {
      try {
        const { status, body } = await askAdmin(layout.adminSocket, "GET", "/ready");
        return status === 200 ? [] : [`it is ${body.trim()}`];
      } catch (error) {
        return [reasonOf(error)];
      }
    },
  };
}

function bootstrapText({ layout, ports }: MeshContext): string {
  const { certificate, authorities } = certificateFolder(join(layout.certs, "envoy"));
  const names = [{ type: "uri", exact: peerUri("mesh") }] as const;
  const message = bootstrap({
    node: { id: "ordermesh-envoy", cluster: "ordermesh" },
    admin: { socket: layout.adminSocket },
    controlPlane: {
      endpoints: [{ address: "127.0.0.1", port: ports.controlPlane }],
      tls: { certificate, servers: { authorities, names } },
    },
  });
  return `${toJsonString(BootstrapSchema, message, { registry: envoyTypes, prettySpaces: 2 })}\n`;
}
