import { createServer } from "node:net";
import { freePort } from "../components/process.ts";
import { defaultPorts, type MeshValues, type PortName } from "./options.ts";
import type { State } from "./state.ts";

export type Ports = Readonly<Record<PortName, number>>;

const variables: Readonly<Record<PortName, keyof MeshValues & `MESH_${string}_PORT`>> = {
  edge: "MESH_EDGE_PORT",
  listener: "MESH_LISTENER_PORT",
  controlPlane: "MESH_CONTROL_PLANE_PORT",
  nats: "MESH_NATS_PORT",
  database: "MESH_DATABASE_PORT",
};

/**
 * A port for everything that others must find: the configured one, else that of the last start, else the default; a free one
 * where that is busy. The choice is kept.
 */
export async function choosePorts(values: MeshValues, state: State, say: (line: string) => void): Promise<Ports> {
  const chosen: Partial<Record<PortName, number>> = {};
  for (const name of Object.keys(defaultPorts) as PortName[]) {
    const configured = values[variables[name]];
    const wanted = configured || (state.port(name) ?? (configured === 0 ? undefined : defaultPorts[name]));
    const taken = wanted === undefined || Object.values(chosen).includes(wanted) || !(await isFree(wanted));
    const port = taken ? await freePort() : wanted;
    if (taken && wanted !== undefined) say(`port ${wanted} is busy: ${variables[name]} is ${port} this time`);
    chosen[name] = port;
  }
  state.keepPorts(chosen as Ports);
  return chosen as Ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer().once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
