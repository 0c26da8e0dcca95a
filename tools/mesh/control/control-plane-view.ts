import type { Principal } from "@ordermesh/runtime/auth/principal.ts";
import { SecretRing } from "@ordermesh/runtime/auth/secret-ring.ts";
import { createPrincipalTokens, principalTokenHeader } from "@ordermesh/runtime/auth/service-token.ts";
import { filesOf, type MeshContext } from "../components/context.ts";
import { askHttps } from "../components/https.ts";

/** An instance as the registry has it. */
export interface RegisteredInstance {
  readonly service: string;
  readonly instanceId: string;
  readonly address: string;
  readonly port: number;
  readonly version: string;
  readonly state: string;
}

/** A configuration that a proxy refused. */
export interface Nack {
  readonly proxy: string;
  readonly type: string;
  readonly version: string;
  readonly reason: string;
  readonly time: string;
}

/** What the control plane knows. */
export interface ControlPlaneView {
  readonly instances: readonly RegisteredInstance[];
  /** Proxies that listen to it. */
  readonly proxies: number;
  /** The last refusal that has not been followed by an acceptance; undefined: there is none. */
  readonly lastNack: Nack | undefined;
}

/** The part of the reply that is read here: ProtoJSON of ordermesh.mesh.v1, where what is empty is left out. */
export interface ConfigStatus {
  readonly proxies?: readonly {
    readonly nodeId?: string;
    readonly connected?: boolean;
    readonly types?: readonly {
      readonly typeUrl?: string;
      readonly sentVersion?: string;
      readonly ackedVersion?: string;
      readonly rejection?: { readonly version?: string; readonly reason?: string; readonly rejectedTime?: string };
    }[];
  }[];
}

const supervisor: Principal = {
  id: "supervisor",
  roles: new Set(["operator"]),
  kind: "certificate",
  seesPersonalData: false,
};

/** Asks MeshService of the control plane on `port`, as the operator that the supervisor is. Throws when it does not answer. */
export async function viewControlPlane(context: MeshContext, port: number): Promise<ControlPlaneView> {
  // Within the mesh the service token counts whoever issues those of people.
  const token = createPrincipalTokens(new SecretRing([context.secrets.value("service-token")]))(supervisor) ?? "";
  const call = async <T>(method: string): Promise<T> => {
    const { status, body } = await askHttps({
      url: `https://127.0.0.1:${port}/ordermesh.mesh.v1.MeshService/${method}`,
      method: "POST",
      headers: { "content-type": "application/json", [principalTokenHeader]: token },
      body: "{}",
      files: filesOf(context, "operator"),
      peer: "mesh",
    });
    if (status !== 200) throw new Error(`the control plane answers ${method} with ${status}`);
    return JSON.parse(body) as T;
  };
  const [{ instances = [] }, { status = {} }] = await Promise.all([
    call<{ instances?: RegisteredInstance[] }>("ListInstances"),
    call<{ status?: ConfigStatus }>("GetConfigStatus"),
  ]);
  const { proxies = [] } = status;
  return {
    instances: instances.map((instance) => ({
      ...instance,
      state: instance.state.replace("INSTANCE_STATE_", "").toLowerCase(),
    })),
    proxies: proxies.filter(({ connected }) => connected === true).length,
    lastNack: lastNackOf(proxies),
  };
}

/** The youngest refusal of a version that has not been followed by one that was taken. */
export function lastNackOf(proxies: NonNullable<ConfigStatus["proxies"]>): Nack | undefined {
  const nacks = proxies.flatMap(({ nodeId = "", types = [] }) =>
    types.flatMap(({ typeUrl = "", sentVersion, ackedVersion, rejection }): Nack[] => {
      if (rejection === undefined || sentVersion === ackedVersion) return [];
      const { version = "", reason = "", rejectedTime: time = "" } = rejection;
      return [{ proxy: nodeId, type: typeUrl.split(".").at(-1) ?? typeUrl, version, reason, time }];
    }),
  );
  return nacks.sort((a, b) => (a.time < b.time ? 1 : -1))[0];
}
