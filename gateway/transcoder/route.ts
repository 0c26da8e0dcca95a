import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  getOption,
  hasOption,
  ScalarType,
} from "@bufbuild/protobuf";
import { http } from "@ordermesh/proto/google/api/annotations_pb";
import type { HttpRule } from "@ordermesh/proto/google/api/http_pb";
import { type MethodRest, rest } from "@ordermesh/proto/ordermesh/rest/v1/options_pb";
import { type MethodPolicy, policyOf } from "@ordermesh/runtime/rpc/policy.ts";
import type { UnaryHandler } from "@ordermesh/runtime/rpc/service.ts";
import type { Surface, SurfaceService } from "./surface.ts";
import { parseTemplate, type Template, TemplateError, type Variable } from "./template.ts";

/** One `google.api.http` binding of a method, checked. */
export interface Route {
  readonly surface: Surface;
  readonly method: DescMethodUnary;
  readonly policy: MethodPolicy;
  /** Absent: the call goes to the method itself. */
  readonly handler: UnaryHandler<DescMethodUnary> | undefined;
  /** `*` for any. */
  readonly httpMethod: string;
  readonly template: Template;
  readonly variables: readonly PathVariable[];
  /** `*`: the whole message; undefined: the request has no body. */
  readonly body: "*" | DescField | undefined;
  readonly responseBody: DescField | undefined;
  readonly statusField: DescField | undefined;
  readonly rest: MethodRest | undefined;
}

export interface PathVariable extends Variable {
  /** From the request message to the scalar or enum field. */
  readonly fields: readonly DescField[];
}

/** Makes a method's routes. What is wrong with it goes to `report`; a method without a rule has no routes. */
export function routesOf(
  surface: Surface,
  { handlers }: SurfaceService,
  method: DescMethod,
  report: (problem: string) => void,
): Route[] {
  if (!hasOption(method, http)) return [];
  const complain = (problem: string) => report(`${method}: ${problem}`);
  if (method.methodKind !== "unary") {
    complain("streaming methods have no REST route");
    return [];
  }
  const unary = method as DescMethodUnary;
  const handler = handlers?.[method.localName] as UnaryHandler<DescMethodUnary> | undefined;
  if (handlers !== undefined && typeof handler !== "function") complain("has a route and no handler");
  for (const type of [method.input, method.output]) {
    if (type.typeName === "google.api.HttpBody") complain("google.api.HttpBody is not supported");
  }
  const policy = methodPolicy(method, report);
  if (policy === undefined) return [];
  const rule = getOption(method, http);
  const routes: Route[] = [];
  for (const binding of [rule, ...rule.additionalBindings]) {
    if (binding !== rule && binding.additionalBindings.length > 0) complain("additional_bindings are one level deep");
    const route = routeOf({ surface, method: unary, policy, handler }, binding, complain);
    if (route !== undefined) routes.push(route);
  }
  return routes;
}

function methodPolicy(method: DescMethod, report: (problem: string) => void): MethodPolicy | undefined {
  try {
    return policyOf(method);
  } catch (error) {
    report(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

function routeOf(
  target: Pick<Route, "surface" | "method" | "policy" | "handler">,
  rule: HttpRule,
  complain: (problem: string) => void,
): Route | undefined {
  const { surface, method } = target;
  const options = hasOption(method, rest) ? getOption(method, rest) : undefined;
  if (rule.selector !== "") complain("a selector has no meaning in an annotation");
  const pattern = patternOf(rule, complain);
  if (pattern === undefined) return undefined;
  const body = rule.body === "*" || rule.body === "" ? rule.body : topLevel(method.input, rule.body, "body", complain);
  if (rule.body !== "" && (pattern.httpMethod === "GET" || pattern.httpMethod === "HEAD")) {
    complain(`${pattern.httpMethod} has no body`);
  }
  checkOptions(surface, options, rule.body !== "", complain);
  return {
    ...target,
    httpMethod: pattern.httpMethod,
    template: pattern.template,
    variables: pattern.template.variables.flatMap((variable) => {
      const fields = variableFields(method.input, variable, complain);
      if (fields !== undefined && fields.length === 1 && fields[0] === body) {
        complain(`variable "${variable.fieldPath.join(".")}" is the body, too`);
      }
      return fields === undefined ? [] : [{ ...variable, fields }];
    }),
    body: body === "" ? undefined : body,
    responseBody: optionalTopLevel(method.output, rule.responseBody, "response_body", complain),
    statusField: statusFieldOf(method, options, complain),
    rest: options,
  };
}

function patternOf(
  rule: HttpRule,
  complain: (problem: string) => void,
): { httpMethod: string; template: Template } | undefined {
  const { pattern } = rule;
  if (pattern.case === undefined) {
    complain("the rule has no path");
    return undefined;
  }
  const httpMethod = pattern.case === "custom" ? pattern.value.kind : pattern.case.toUpperCase();
  if (!/^(\*|[A-Z][A-Z-]*)$/.test(httpMethod)) complain(`"${httpMethod}" is no HTTP method`);
  try {
    return { httpMethod, template: parseTemplate(pattern.case === "custom" ? pattern.value.path : pattern.value) };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    complain(error.message);
    return undefined;
  }
}

function variableFields(
  schema: DescMessage,
  variable: Variable,
  complain: (problem: string) => void,
): DescField[] | undefined {
  const name = variable.fieldPath.join(".");
  const fields: DescField[] = [];
  let message: DescMessage | undefined = schema;
  for (const part of variable.fieldPath) {
    const field: DescField | undefined = message?.fields.find((one) => one.name === part);
    if (field === undefined) {
      complain(`variable "${name}": ${message?.typeName ?? fields.at(-1)} has no field "${part}"`);
      return undefined;
    }
    fields.push(field);
    message = field.fieldKind === "message" ? field.message : undefined;
  }
  const kind = fields.at(-1)?.fieldKind;
  if (kind === "scalar" || kind === "enum") return fields;
  complain(`variable "${name}" is a ${kind === "list" ? "repeated" : kind} field: a path holds scalars and enums only`);
  return undefined;
}

function optionalTopLevel(
  schema: DescMessage,
  name: string,
  what: string,
  complain: (problem: string) => void,
): DescField | undefined {
  return name === "" ? undefined : topLevel(schema, name, what, complain);
}

function topLevel(
  schema: DescMessage,
  name: string,
  what: string,
  complain: (problem: string) => void,
): DescField | undefined {
  const field = schema.fields.find((one) => one.name === name);
  if (field === undefined) complain(`${what} "${name}" is no field of ${schema.typeName}`);
  return field;
}

function statusFieldOf(
  method: DescMethodUnary,
  options: MethodRest | undefined,
  complain: (problem: string) => void,
): DescField | undefined {
  const field = optionalTopLevel(method.output, options?.statusField ?? "", "status_field", complain);
  if (field !== undefined && (field.fieldKind !== "scalar" || field.scalar !== ScalarType.INT32)) {
    complain(`status_field "${field.name}" is no int32`);
  }
  return field;
}

function checkOptions(
  surface: Surface,
  options: MethodRest | undefined,
  hasBody: boolean,
  complain: (problem: string) => void,
): void {
  if (options === undefined) return;
  const { successStatus, rawBody, bodyOptional } = options;
  if (successStatus !== 0 && (successStatus < 200 || successStatus > 299)) {
    complain(`success_status ${successStatus} is no success`);
  }
  if ((rawBody || bodyOptional) && !hasBody) complain("raw_body and body_optional need a body");
  if (rawBody && surface.checkBody === undefined) complain(`raw_body: surface ${surface.name} checks no bodies`);
}
