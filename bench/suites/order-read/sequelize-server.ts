// GetOrder and ListOrders as one writes them with an ORM: models with their items, a query a request.
import { orderMessage } from "@ordermesh/order/rpc/order-message.ts";
import type { OrderWithLines } from "@ordermesh/order/store/order-row.ts";
import { OrderService } from "@ordermesh/proto/ordermesh/order/v1/order_pb";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import { bindService } from "@ordermesh/runtime/rpc/service.ts";
import { DataTypes, type Model } from "sequelize";
import { openStore } from "../../machine/order-store.ts";
import { serveBindings } from "../../machine/serve-bindings.ts";

const { sequelize } = await openStore(JSON.parse(process.argv[2] ?? ""));
const { BIGINT, DATE, INTEGER, STRING } = DataTypes;
const modelOptions = { timestamps: false, underscored: true };

const Order = sequelize.define(
  "Order",
  {
    id: { type: STRING, primaryKey: true },
    number: BIGINT,
    channel: INTEGER,
    externalId: STRING,
    buyerId: STRING,
    status: INTEGER,
    currency: STRING,
    totalMinor: BIGINT,
    activityId: STRING,
    reservationId: STRING,
    traceId: STRING,
    cancelReason: STRING,
    version: INTEGER,
    createdAt: DATE,
    updatedAt: DATE,
    expiresAt: DATE,
    paidAt: DATE,
    cancelledAt: DATE,
    completedAt: DATE,
    refundedAt: DATE,
    expiredAt: DATE,
  },
  { tableName: "orders", ...modelOptions },
);
const OrderLine = sequelize.define(
  "OrderLine",
  {
    number: { type: BIGINT, primaryKey: true },
    orderId: STRING,
    productId: STRING,
    productName: STRING,
    quantity: BIGINT,
    unitPrice: STRING,
    totalMinor: BIGINT,
    createdAt: DATE,
    updatedAt: DATE,
  },
  { tableName: "order_lines", ...modelOptions },
);
Order.hasMany(OrderLine, { as: "lines", foreignKey: "orderId" });
const include = { model: OrderLine, as: "lines" };

type Values = Readonly<Record<string, unknown>>;

function found(model: Model): OrderWithLines {
  const { lines, ...order } = model.get({ plain: true }) as Values & { readonly lines: readonly Values[] };
  return {
    order: typed(order) as unknown as OrderWithLines["order"],
    lines: lines.map((line) => typed(line) as unknown as OrderWithLines["lines"][number]),
  };
}

/** Numbers come as text from some drivers, times as Date. */
function typed(values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (value instanceof Date) return [name, value.getTime()];
      if (name === "totalMinor") return [name, BigInt(value as string)];
      return [name, name === "number" || name === "quantity" ? Number(value) : value];
    }),
  );
}

async function unused(): Promise<never> {
  throw fail("UNIMPLEMENTED");
}

const service = bindService(OrderService, {
  getOrder: async ({ orderId }) => {
    const order = await Order.findOne({ where: { id: orderId }, include });
    if (order === null) throw fail("NOT_FOUND");
    return { order: orderMessage(found(order)) };
  },
  listOrders: async ({ buyerId, pageSize }) => {
    const order: [string, string][] = [
      ["createdAt", "DESC"],
      ["id", "DESC"],
    ];
    const orders = await Order.findAll({ where: { buyerId }, include, order, limit: pageSize });
    return { orders: orders.map((each) => orderMessage(found(each))) };
  },
  lookupOrder: unused,
  updateOrderStatus: unused,
  cancelOrder: unused,
  listOrderHistory: unused,
  getDailyStats: unused,
});

await serveBindings([service]);
