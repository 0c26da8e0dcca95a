import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
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
