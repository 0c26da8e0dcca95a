import type { DescService } from "@bufbuild/protobuf";

/** A service of ours, as its protos define it; who runs it, the registry tells. */
export interface ServiceDefinition {
  /** As it registers itself, and as its certificate calls it. */
  readonly name: string;
  readonly rpcServices: readonly DescService[];
}

/** What the gateway's route table says of a REST path. */
export interface RestPath {
  readonly surface: string;
  /** `*` for any. */
  readonly method: string;
  readonly path: string;
  /** Needs no credentials whatever the surface's rule. */
  readonly isPublic: boolean;
  readonly idempotent: boolean;
}

/** The gateway's route table. */
export interface RestTable {
  readonly routes: readonly RestPath[];
  readonly prefixes: readonly { readonly surface: string; readonly prefix: string }[];
}

/** Who runs what, and who may call whom. */
export interface MeshDefinition {
  readonly services: readonly ServiceDefinition[];
  /** Name of the service that answers REST, and its table. */
  readonly rest: { readonly service: string; readonly table: RestTable };
  /** Services by the names of those who call them through the inner listener. */
  readonly callers: Readonly<Record<string, readonly string[]>>;
  /** Whose health callers ask for through the inner listener. */
  readonly health: string;
}
