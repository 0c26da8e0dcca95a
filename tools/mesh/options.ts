import { type ConfigValues, defineConfig, option } from "@ordermesh/runtime/config/option.ts";
import { choice, parsed, port, text } from "@ordermesh/runtime/config/values.ts";

const path = text(/^[^\0]+$/, "a path");

function portOption(fallback: number, what: string, reason: string) {
  return option({
    schema: port,
    doc: `Port of ${what}; 0 or a busy one: a free one, which is kept.`,
    defaultText: String(fallback),
    reason,
  });
}

/** Default ports, by the names that the state keeps them under. */
export const defaultPorts = {
  edge: 8443,
  listener: 15_001,
  controlPlane: 15_010,
  nats: 14_222,
  database: 13_306,
} as const;

export type PortName = keyof typeof defaultPorts;

/** What the supervisor takes from the environment; everything else is handed on to the services. */
export const meshOptions = defineConfig({
  MESH_DATA_DIR: option({
    schema: path,
    defaultText: "mesh in DATA_DIR, which is data",
    doc: "Folder of everything the mesh keeps: databases, messages, certificates, secrets, logs.",
    reason: "Beside the program, where a newcomer finds it.",
  }),
  DATA_DIR: option({ schema: path, default: "data", doc: "Folder of MESH_DATA_DIR.", reason: "As of every service." }),
  MESH_DATABASE: option({
    schema: choice("mariadb", "mysql", "postgres"),
    default: "mariadb",
    doc: "The database server to run.",
    reason: "It is in every distribution.",
  }),
  MESH_SCALE: option({
    schema: parsed(parseScale, "instances of services, such as order=2,gateway=2"),
    default: {},
    doc: "How many instances of a service to start with.",
    reason: "One of each is a mesh.",
  }),
  MESH_EDGE_PORT: portOption(
    defaultPorts.edge,
    "Envoy's edge (HTTPS)",
    "The customary port of HTTPS without root's rights.",
  ),
  MESH_LISTENER_PORT: portOption(defaultPorts.listener, "Envoy's inner listener", "The customary port of a sidecar."),
  MESH_CONTROL_PLANE_PORT: portOption(
    defaultPorts.controlPlane,
    "the control plane",
    "Beside the customary port of a sidecar.",
  ),
  MESH_NATS_PORT: portOption(defaultPorts.nats, "NATS", "Beside the customary one, where another server may run."),
  MESH_DATABASE_PORT: portOption(
    defaultPorts.database,
    "the database",
    "Beside the customary one, where another server may run.",
  ),
});

export type MeshValues = ConfigValues<typeof meshOptions>;

/** Services whose instances can be counted. */
export const scalableServices = ["order", "gateway"] as const;
export type ScalableService = (typeof scalableServices)[number];
export type Scale = Readonly<Partial<Record<ScalableService, number>>>;

/** `order=3` or `order=3,gateway=2`. Throws an Error that says what is wrong. */
export function parseScale(value: string): Scale {
  const entries = value.split(",").map((part): [ScalableService, number] => {
    const [, name = "", count = ""] = /^\s*([a-z]+)=(\d{1,3})\s*$/.exec(part) ?? [];
    const service = scalableServices.find((candidate) => candidate === name);
    if (service === undefined || Number(count) < 1) throw new Error(`it is not of the form ${scalableServices[0]}=2`);
    return [service, Number(count)];
  });
  return Object.fromEntries(entries);
}
