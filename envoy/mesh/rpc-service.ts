import { createFileRegistry, type DescMethod, type DescService, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Access, RpcService } from "./model.ts";

/** What a method's standard descriptor does not say, and the project's own options do. */
export interface MethodRules {
  readonly access: Access;
  readonly timeoutMs: number;
}

/** A protobuf service for the model: what may be repeated and what streams comes from its descriptor. */
export function rpcServiceOf(service: DescService, rulesOf: (method: DescMethod) => MethodRules): RpcService {
  return {
    typeName: service.typeName,
    methods: service.methods.map((method) => ({
      name: method.name,
      idempotent: method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
      streaming: method.methodKind !== "unary",
      ...rulesOf(method),
    })),
  };
}

/** Asks for a token, and allows what an ordinary call needs. */
const ordinary: MethodRules = { access: "token", timeoutMs: 10_000 };

/**
 * Protobuf services by their full names from a descriptor set (`buf build -o set.binpb`, or `protoc --include_imports
 * --descriptor_set_out=set.binpb`). Throws for bytes that are no such set and for a name that it does not have.
 */
export function rpcServicesFrom(
  descriptorSet: Uint8Array,
  names: readonly string[],
  rulesOf: (method: DescMethod) => MethodRules = () => ordinary,
): readonly RpcService[] {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  return names.map((name) => {
    const service = registry.getService(name);
    if (service !== undefined) return rpcServiceOf(service, rulesOf);
    const known = [...registry].flatMap(({ kind, typeName }) => (kind === "service" ? [typeName] : []));
    throw new Error(`no service ${name} in the descriptor set; it has ${known.join(", ") || "none"}`);
  });
}
