import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { createRegistry } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip, connectNodeAdapter } from "@connectrpc/connect-node";
import { Descriptors } from "./descriptors.ts";
import { createHandlers } from "./handlers.ts";
import type { ServerRequest } from "./protocol.ts";

/** connect-node as its own documentation sets it up: what we are measured against. Resolves to the port. */
export function servePlain(file: string, { http2, messageBytes }: ServerRequest): Promise<number> {
  const descriptors = Descriptors.asDefined(file);
  const { service } = descriptors;
  const handlers = createHandlers(descriptors) as unknown as Partial<ServiceImpl<typeof service>>;
  const adapter = connectNodeAdapter({
    routes: (router) => router.service(service, handlers),
    readMaxBytes: messageBytes,
    acceptCompression: [compressionGzip, compressionBrotli],
    jsonOptions: { registry: createRegistry(service.file) },
  });
  const server = http2 ? createHttp2Server(adapter) : createHttp1Server(adapter);
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
