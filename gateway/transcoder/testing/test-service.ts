import { create, createFileRegistry, type DescService, type MessageInitShape, setExtension } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  MethodOptionsSchema,
  type ServiceOptions,
  ServiceOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { http } from "@ordermesh/proto/google/api/annotations_pb";
import { HttpRuleSchema } from "@ordermesh/proto/google/api/http_pb";
import { MethodRestSchema, rest, ServiceSurfaceSchema, surface } from "@ordermesh/proto/ordermesh/rest/v1/options_pb";
import { Access, MethodPolicySchema, policy } from "@ordermesh/proto/ordermesh/rpc/v1/policy_pb";
import { file_ordermesh_testing_v1_library } from "@ordermesh/proto/ordermesh/testing/v1/library_pb";

type Rule = MessageInitShape<typeof HttpRuleSchema>;

export interface TestMethod {
  readonly rule: Rule;
  readonly rest?: MessageInitShape<typeof MethodRestSchema>;
  /** Messages of ordermesh.testing.v1; default EchoValuesRequest and EchoValuesResponse. */
  readonly input?: string;
  readonly output?: string;
  readonly serverStreaming?: boolean;
  /** Default PUBLIC; UNSPECIFIED: no policy at all. */
  readonly access?: Access;
}

export interface TestServiceOptions {
  readonly name?: string;
  readonly surface?: MessageInitShape<typeof ServiceSurfaceSchema>;
}

/** A rule from `GET /a/{b}`. */
export function rule(route: string, more: Omit<Rule, "pattern"> = {}): Rule {
  const [kind = "", path = ""] = route.split(" ");
  const known = ["get", "put", "post", "delete", "patch"].find((one) => one === kind.toLowerCase());
  const pattern = (
    known === undefined ? { case: "custom", value: { kind, path } } : { case: known, value: path }
  ) as Rule["pattern"];
  return { ...more, pattern } as Rule;
}

/** A service described at run time: for rules that no file of ours should hold. */
export function testService(
  methods: Readonly<Record<string, TestMethod>>,
  { name = "TestService", surface: surfaceInit }: TestServiceOptions = {},
): DescService {
  const file = create(FileDescriptorProtoSchema, {
    name: `test/${name}.proto`,
    package: "test.v1",
    syntax: "proto3",
    dependency: ["ordermesh/testing/v1/library.proto"],
    service: [
      {
        name,
        options: serviceOptions(surfaceInit),
        method: Object.entries(methods).map(([methodName, method]) => ({
          name: methodName,
          inputType: `.ordermesh.testing.v1.${method.input ?? "EchoValuesRequest"}`,
          outputType: `.ordermesh.testing.v1.${method.output ?? "EchoValuesResponse"}`,
          serverStreaming: method.serverStreaming,
          options: methodOptions(method),
        })),
      },
    ],
  });
  const registry = createFileRegistry(file, (dependency) => {
    const known = file_ordermesh_testing_v1_library;
    return [known, ...known.dependencies].find((one) => `${one.name}.proto` === dependency);
  });
  const service = registry.getService(`test.v1.${name}`);
  if (service === undefined) throw new Error(`test.v1.${name} is not described`);
  return service;
}

function serviceOptions(init: TestServiceOptions["surface"]): ServiceOptions {
  const options = create(ServiceOptionsSchema);
  if (init !== undefined) setExtension(options, surface, create(ServiceSurfaceSchema, init));
  return options;
}

function methodOptions(method: TestMethod) {
  const options = create(MethodOptionsSchema);
  setExtension(options, http, create(HttpRuleSchema, method.rule));
  if (method.access !== Access.UNSPECIFIED) {
    setExtension(options, policy, create(MethodPolicySchema, { access: method.access ?? Access.PUBLIC }));
  }
  if (method.rest !== undefined) setExtension(options, rest, create(MethodRestSchema, method.rest));
  return options;
}
