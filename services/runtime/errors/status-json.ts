import { createRegistry, type JsonObject, toJson } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "@ordermesh/proto/google/rpc/error_details_pb";

const detailTypes = [ErrorInfoSchema, BadRequestSchema, RetryInfoSchema];

/** The types of details that errors carry, for whoever writes `google.protobuf.Any` as JSON. */
export const errorDetailRegistry = createRegistry(...detailTypes);

/** An error as google.rpc.Status in its JSON form (AIP-193): the error body of REST. Foreign details are left out. */
export function statusJson(error: ConnectError): JsonObject {
  const details = detailTypes.flatMap((type) =>
    error.findDetails(type).map((detail) => ({
      "@type": `type.googleapis.com/${type.typeName}`,
      ...(toJson(type, detail) as JsonObject),
    })),
  );
  return { code: error.code, message: error.rawMessage, ...(details.length > 0 && { details }) };
}
