import { defineConfig, option } from "@ordermesh/runtime/config/option.ts";
import { choice, integer, parsed, port, text } from "@ordermesh/runtime/config/values.ts";

const loopback = "127.0.0.1";
const address = text(/^[\w.:[\]-]+$/, "a host name or IP address");
const whyLoopback = "A mesh on one machine is reached from it; an operator opens it to others by name.";

/** The control plane's own options: where Envoy listens, and what its edge lets in. */
export const meshOptions = defineConfig({
  MESH_XDS_PORT: option({
    schema: port,
    default: 15_010,
    doc: "Where the control plane serves Envoy (ADS over gRPC), on HOST.",
    reason: "Beside 15001, by the custom of service meshes.",
  }),
  MESH_EDGE_HOST: option({
    schema: address,
    default: loopback,
    doc: "The address of Envoy's edge listener.",
    reason: whyLoopback,
  }),
  MESH_EDGE_PORT: option({
    schema: port,
    default: 8443,
    doc: "The port of Envoy's edge listener.",
    reason: "The customary port of HTTPS without root's rights.",
  }),
  MESH_LISTENER_HOST: option({
    schema: address,
    default: loopback,
    doc: "The address of Envoy's inner listener, which services call each other through.",
    reason: "Every host has its own Envoy: only its neighbours on the host call it.",
  }),
  MESH_LISTENER_PORT: option({
    schema: port,
    default: 15_001,
    doc: "The port of Envoy's inner listener.",
    reason: "The customary port of a sidecar's outgoing side.",
  }),
  MESH_ENVOY_CERTS_DIR: option({
    schema: text(/^[^\0]+$/, "a path"),
    doc: "Folder of the certificates as Envoy sees it, with envoy/ and edge/ below it; unset: Envoy speaks plain text.",
    reason: "Only the operator knows where Envoy's files are; keys never travel through the control plane.",
  }),
  MESH_ALLOWED_ORIGINS: option({
    schema: parsed(parseOrigins, "origins such as https://shop.example, separated by commas"),
    default: [],
    doc: "Web pages of these origins may call the edge (CORS).",
    reason: "A page of somebody else has no business here.",
  }),
  MESH_RATE_LIMIT_PER_SECOND: option({
    schema: integer(1, 1_000_000, "requests a second"),
    default: 2_000,
    doc: "What one route of the edge takes on average; more is refused with 429 or RESOURCE_EXHAUSTED.",
    reason: "Several times what one instance of a service does on one core, and a flood stops at the edge.",
  }),
  MESH_RATE_LIMIT_BURST: option({
    schema: integer(1, 1_000_000, "requests"),
    default: 4_000,
    doc: "What one route takes at once after a pause.",
    reason: "Two seconds' worth: the rush of a sale's first moment gets through.",
  }),
  MESH_ACCESS_LOG: option({
    schema: choice("all", "errors", "off"),
    default: "all",
    doc: "Requests that Envoy writes to its standard output, as JSON lines; errors: status 400 and above.",
    reason: "Whoever looks for one request finds it; a busy site keeps the errors.",
  }),
});

/** Throws for what is no origin: a path or a wildcard would match nothing, or everybody. */
function parseOrigins(value: string): readonly string[] {
  return value.split(",").map((entry) => {
    const origin = entry.trim();
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) throw new Error(`${origin} is no origin`);
    return origin;
  });
}
