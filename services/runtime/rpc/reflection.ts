import type { DescFile, DescService, MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "@ordermesh/proto/google/rpc/error_details_pb";
import {
  type ServerReflectionRequest as RequestV1,
  type ServerReflectionResponseSchema as ResponseV1Schema,
  ServerReflection as ServerReflectionV1,
} from "@ordermesh/proto/grpc/reflection/v1/reflection_pb";
import {
  type ServerReflectionRequest as RequestV1Alpha,
  type ServerReflectionResponseSchema as ResponseV1AlphaSchema,
  ServerReflection as ServerReflectionV1Alpha,
} from "@ordermesh/proto/grpc/reflection/v1alpha/reflection_pb";
import { fail } from "../errors/fail.ts";
import { DescriptorIndex } from "./descriptor-index.ts";
import { bindService, type ServiceBinding } from "./service.ts";

/** Both versions have the same messages under other names. */
type Request = RequestV1 | RequestV1Alpha;
type Response = Exclude<MessageInitShape<typeof ResponseV1Schema>, { $typeName: string }>["messageResponse"];

/**
 * `grpc.reflection.v1` and `v1alpha` over these services, and over themselves: clients like grpcurl need no proto files.
 */
export function createReflection(services: readonly DescService[]): ServiceBinding[] {
  const all = [...services, ServerReflectionV1, ServerReflectionV1Alpha];
  // No service imports the details of errors; whoever shows an error needs them all the same.
  const index = new DescriptorIndex([...all.map((service) => service.file), file_google_rpc_error_details]);
  const names = all.map((service) => ({ name: service.typeName })).sort((a, b) => (a.name < b.name ? -1 : 1));

  /** `sent`: a client keeps what it was sent on one stream. */
  function answer({ messageRequest: { case: kind, value } }: Request, sent: Set<DescFile>): Response {
    switch (kind) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: names } };
      case "fileByFilename":
        return fileResponse(index.file(value), value, sent);
      case "fileContainingSymbol":
        return fileResponse(index.fileOfSymbol(value), value, sent);
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = value;
        const what = `extension ${extensionNumber} of ${containingType}`;
        return fileResponse(index.fileOfExtension(containingType, extensionNumber), what, sent);
      }
      case "allExtensionNumbersOfType": {
        const extensionNumber = index.extensionNumbers(value);
        if (extensionNumber === undefined) return notFound(value);
        return { case: "allExtensionNumbersResponse", value: { baseTypeName: value, extensionNumber } };
      }
      default:
        throw fail("VALIDATION", { message: "a reflection request must ask for something" });
    }
  }

  function fileResponse(file: DescFile | undefined, what: string, sent: Set<DescFile>): Response {
    if (file === undefined) return notFound(what);
    // Asked for again, it is sent again; only imports are left out.
    sent.delete(file);
    return { case: "fileDescriptorResponse", value: { fileDescriptorProto: index.closure(file, sent) } };
  }

  async function* serve<R extends Request>(requests: AsyncIterable<R>) {
    const sent = new Set<DescFile>();
    for await (const request of requests) yield { originalRequest: request, messageResponse: answer(request, sent) };
  }

  return [
    bindService(ServerReflectionV1, { serverReflectionInfo: serve }),
    bindService(ServerReflectionV1Alpha, {
      // Replies are plain objects: their shape is that of both versions, only the types' names differ.
      serverReflectionInfo: (requests) =>
        serve(requests) as AsyncIterable<MessageInitShape<typeof ResponseV1AlphaSchema>>,
    }),
  ];
}

function notFound(what: string): Response {
  return { case: "errorResponse", value: { errorCode: Code.NotFound, errorMessage: `${what} is not known here` } };
}
