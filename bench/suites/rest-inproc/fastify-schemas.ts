const text = { type: "string" } as const;
const money = { type: "object", properties: { currency: text, minorUnits: text } } as const;

const line = {
  type: "object",
  properties: {
    number: text,
    productId: text,
    productName: text,
    quantity: text,
    unitPrice: text,
    total: money,
    createdAt: text,
    updatedAt: text,
  },
} as const;

const order = {
  type: "object",
  properties: {
    orderId: text,
    number: text,
    channel: text,
    externalId: text,
    buyerId: text,
    status: text,
    total: money,
    lines: { type: "array", items: line },
    activityId: text,
    reservationId: text,
    traceId: text,
    createdAt: text,
    updatedAt: text,
    expiresAt: text,
    paidAt: text,
    cancelledAt: text,
    completedAt: text,
    refundedAt: text,
    expiredAt: text,
    cancelReason: text,
    version: { type: "integer" },
  },
} as const;

const orderId = { type: "string", minLength: 1, maxLength: 64 } as const;
const params = { type: "object", properties: { orderId }, required: ["orderId"] } as const;
const statuses = ["PENDING", "PAID", "SHIPPED", "DELIVERED", "COMPLETED", "CANCELLED", "EXPIRED", "REFUNDED", "FAILED"];

/** Schemas of the three routes: the rules of order.proto for what comes in, the shape of its messages for what goes out. */
export const getOrder = { params, response: { 200: order } };

export const updateOrderStatus = {
  params,
  body: {
    type: "object",
    properties: {
      status: { type: "string", enum: statuses.map((status) => `ORDER_STATUS_${status}`) },
      remark: { type: "string", maxLength: 1000 },
      expectedVersion: { type: "integer" },
    },
    required: ["status"],
    additionalProperties: false,
  },
  response: { 200: order },
};

export const listOrders = {
  querystring: {
    type: "object",
    properties: {
      buyerId: { type: "string", maxLength: 64 },
      pageSize: { type: "integer", minimum: 0, maximum: 100, default: 20 },
      pageToken: { type: "string", maxLength: 500 },
    },
  },
  response: {
    200: { type: "object", properties: { orders: { type: "array", items: order }, nextPageToken: text } },
  },
};
