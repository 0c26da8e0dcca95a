import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { CompilationError, createValidator, type Violation } from "@bufbuild/protovalidate";
import { type FieldViolation, fail } from "../../errors/fail.ts";
import type { Interceptor } from "../interceptor.ts";
import { quickValidationOf } from "./quick-validation.ts";

/** Throws VALIDATION, naming every field at fault, for a message that breaks its proto's rules. */
export type Validate = (message: Message) => void;

/** protovalidate matches patterns with RE2: no pattern takes more than linear time, whatever the input. */
const validator = createValidator();

/** Compiles the rules of a message type; throws when they are wrong in themselves. */
export function validationOf(type: DescMessage): Validate {
  const empty = validator.validate(type, create(type));
  if (empty.error instanceof CompilationError) throw new Error(`rules of ${type.typeName}: ${empty.error.message}`);
  const isSurelyValid = quickValidationOf(type);
  return (message) => {
    if (isSurelyValid(message)) return;
    const result = validator.validate(type, message);
    if (result.kind === "valid") return;
    if (result.kind === "error") throw result.error;
    const violations = result.violations.map(fieldViolation);
    throw fail("VALIDATION", { message: summary(violations), violations });
  };
}

export const validationInterceptor: Interceptor = (next, method) => {
  const validate = validationOf(method.input);
  return (request, call) => {
    validate(request);
    return next(request, call);
  };
};

function fieldViolation(violation: Violation): FieldViolation {
  return { field: pathToString(violation.field), description: violation.message };
}

function summary(violations: readonly FieldViolation[]): string {
  const [first] = violations;
  if (first === undefined) return "the request is not valid";
  const text = first.field === "" ? first.description : `${first.field}: ${first.description}`;
  return violations.length === 1 ? text : `${text} (and ${violations.length - 1} more)`;
}
