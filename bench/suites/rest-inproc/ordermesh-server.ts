// An embedded instance around handlers without I/O.
import { OrderService } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { bindService } from "@ordermesh/runtime/rpc/service.ts";
import { serveBindings } from "../../machine/serve-bindings.ts";
import { orderHandlers } from "./order-handlers.ts";

await serveBindings([bindService(OrderService, orderHandlers)]);
