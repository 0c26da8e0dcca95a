// The order services with one transaction a call. Everything else is as services/main.ts has it.
import { orderService } from "@ordermesh/order/rpc/order-service.ts";
import { orderTaskService } from "@ordermesh/order/rpc/order-task-service.ts";
import { openOneByOne } from "../../machine/one-by-one.ts";
import { serveBindings } from "../../machine/serve-bindings.ts";

const { database, limits } = await openOneByOne();
await serveBindings([orderTaskService({ database, limits }), orderService({ database, limits })]);
