import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { fail } from "../../errors/fail.ts";
import type { Interceptor } from "../interceptor.ts";
import { fingerprintOf } from "./fingerprint.ts";

/** Request header (draft-ietf-httpapi-idempotency-key-header); over gRPC, metadata. */
export const idempotencyKeyHeader = "idempotency-key";

/** Reply header of an answer that was given before; handlers set it where `Database.transact` says so. */
export const idempotentReplayedHeader = "idempotent-replayed";

/** 1 to 255 visible ASCII characters; two headers arrive joined by ", " and so are none. */
const validKey = /^[\x21-\x7e]{1,255}$/;

/** Turns the Idempotency-Key of a call that changes something into `context.idempotency`. Throws INVALID_ARGUMENT. */
export const idempotencyInterceptor: Interceptor = (next, method) => {
  if (method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return next;
  const fingerprint = fingerprintOf(method.input);
  const name = `${method.parent.typeName}/${method.name}`;
  return (request, call) => {
    const key = call.headers.get(idempotencyKeyHeader);
    if (key !== null) {
      if (!validKey.test(key)) throw fail("IDEMPOTENCY_KEY_INVALID");
      call.idempotency = { scope: `${call.principal.id} ${name}`, key, fingerprint: fingerprint(request) };
    }
    return next(request, call);
  };
};
