// The same handlers behind connect-node as it comes, without interceptors: Connect over HTTP/1.1, or gRPC (`http2`).
import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { OrderService } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import type { CallContext } from "@ordermesh/runtime/rpc/call-context.ts";
import { orderHandlers } from "./order-handlers.ts";

const { getOrder } = orderHandlers;
// The handler looks at no context.
const routes = (router: ConnectRouter) =>
  router.service(OrderService, {
    getOrder: (request, context) => getOrder(request, context as unknown as CallContext),
  });
const handle = connectNodeAdapter({ routes });
const server = process.argv[2] === "http2" ? createHttp2Server(handle) : createHttp1Server(handle);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  process.stdout.write(`ready http://127.0.0.1:${port}\n`);
});
