import { readFileSync } from "node:fs";
import {
  create,
  createFileRegistry,
  type DescMessage,
  type DescService,
  type FileRegistry,
  fromBinary,
  setExtension,
} from "@bufbuild/protobuf";
import { type FileDescriptorSet, FileDescriptorSetSchema, MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { Access, MethodPolicySchema, policy } from "@ordermesh/proto/ordermesh/rpc/v1/policy_pb";

const packageName = "connectrpc.conformance.v1";

/** The suite's descriptors, read when they are needed: the repository has no copy of its protos. */
export class Descriptors {
  readonly #registry: FileRegistry;

  private constructor(set: FileDescriptorSet) {
    this.#registry = createFileRegistry(set);
  }

  /** As the suite defines them. */
  static asDefined(file: string): Descriptors {
    return new Descriptors(read(file));
  }

  /**
   * As our registry can serve them: every method has an access policy, and there is no client streaming, which we do not
   * serve.
   */
  static asServed(file: string): Descriptors {
    const set = read(file);
    for (const service of set.file.flatMap((descriptor) => descriptor.service)) {
      service.method = service.method.filter(({ name }) => name !== "ClientStream");
      for (const method of service.method) {
        method.options ??= create(MethodOptionsSchema);
        setExtension(method.options, policy, create(MethodPolicySchema, { access: Access.PUBLIC }));
      }
    }
    return new Descriptors(set);
  }

  get service(): DescService {
    return found(this.#registry.getService(`${packageName}.ConformanceService`));
  }

  message(name: string): DescMessage {
    return found(this.#registry.getMessage(`${packageName}.${name}`));
  }
}

function read(file: string): FileDescriptorSet {
  return fromBinary(FileDescriptorSetSchema, readFileSync(file));
}

function found<T>(descriptor: T | undefined): T {
  if (descriptor === undefined) throw new Error("the suite's descriptors have changed");
  return descriptor;
}
