import { describe, expect, test } from "vitest";
import { findViolations } from "./check.ts";

/** Broken rules of one import. */
function against(from: string, to: string): string[] {
  return findViolations([{ from, to, typesOnly: false }]).map(({ rule }) => rule);
}

describe("refused", () => {
  test.each([
    ["services/runtime/rpc/server.ts", "services/order/index.ts"],
    ["services/runtime/rpc/server.ts", "gateway/transcoder/trie.ts"],
    ["services/runtime/events/bus.ts", "proto/ordermesh/order/v1/order_pb"],
    ["services/runtime/events/bus.ts", "proto/ordermesh/events/v1/order_pb"],
    ["services/order/rpc/order.ts", "services/payment/store/intents.ts"],
    ["services/order/rpc/order.ts", "gateway/index.ts"],
    ["services/order/rpc/order.ts", "envoy/index.ts"],
    ["services/mesh/index.ts", "gateway/edge-routes.ts"],
    ["services/order/index.ts", "services/main.ts"],
    ["services/version.ts", "services/order/index.ts"],
    ["gateway/surfaces/minishop/handlers.ts", "services/order/store/orders.ts"],
    ["services/order/domain/order-state.ts", "node:fs"],
    ["services/order/domain/order-state.ts", "node:timers"],
    ["services/order/domain/order-state.ts", "npm:sequelize"],
    ["services/order/domain/order-state.ts", "services/runtime/store/sql.ts"],
    ["services/order/domain/order-state.ts", "services/order/store/orders.ts"],
    ["services/order/store/orders.ts", "services/order/rpc/order.ts"],
    ["services/order/store/orders.ts", "services/order/events/seckill.ts"],
    ["services/order/rpc/order.ts", "services/order/events/seckill.ts"],
    ["services/order/events/seckill.ts", "services/order/rpc/order.ts"],
    ["services/order/events/seckill.ts", "services/order/index.ts"],
    ["gateway/transcoder/writer.ts", "gateway/surfaces/minishop/errors.ts"],
    ["gateway/transcoder/writer.ts", "proto/ordermesh/order/v1/order_pb"],
    ["gateway/transcoder/writer.ts", "proto/compat/minishop/v1/seckill_pb"],
    ["gateway/surfaces/minishop/handlers.ts", "gateway/surfaces/ordertracker/times.ts"],
    ["services/order/rpc/order.ts", "npm:sequelize"],
    ["services/order/events/seckill.ts", "npm:mysql2/promise"],
    ["services/main.ts", "npm:pg"],
    ["services/order/store/orders.ts", "node:sqlite"],
    ["gateway/index.ts", "gateway/index.test.ts"],
    ["gateway/index.test.ts", "gateway/transcoder/trie.test.ts"],
    ["services/order/index.ts", "test/support/databases.ts"],
    ["tools/mesh/supervisor.ts", "test/support/temporary.ts"],
    ["services/order/index.ts", "tools/components/nats.ts"],
    ["envoy/binary.ts", "tools/components/programs.ts"],
    ["services/order/index.ts", "bench/statistics.ts"],
    ["test/e2e/start.test.ts", "bench/statistics.ts"],
  ])("%s -> %s", (from, to) => {
    expect(against(from, to)).not.toEqual([]);
  });
});

describe("allowed", () => {
  test.each([
    ["services/main.ts", "services/order/index.ts"],
    ["services/main.ts", "gateway/index.ts"],
    ["services/migrate.ts", "services/order/index.ts"],
    ["services/mesh-role.ts", "services/mesh/index.ts"],
    ["services/mesh/index.ts", "envoy/index.ts"],
    ["services/runtime/events/admin.ts", "proto/ordermesh/events/v1/admin_pb"],
    ["services/runtime/events/embedded-log.ts", "node:sqlite"],
    ["services/runtime/store/database.ts", "npm:sequelize"],
    ["services/order/index.ts", "services/order/rpc/order.ts"],
    ["services/order/rpc/order.ts", "services/order/store/orders.ts"],
    ["services/order/rpc/order.ts", "services/runtime/rpc/service.ts"],
    ["services/order/events/seckill.ts", "services/order/domain/order-state.ts"],
    ["services/order/store/orders.ts", "npm:sequelize"],
    ["services/order/domain/order-state.ts", "services/order/domain/money.ts"],
    ["services/order/domain/order-state.ts", "services/runtime/errors/reasons.ts"],
    ["gateway/surfaces/minishop/handlers.ts", "proto/ordermesh/order/v1/order_pb"],
    ["gateway/surfaces/minishop/handlers.ts", "gateway/transcoder/dialect.ts"],
    ["gateway/transcoder/writer.ts", "services/runtime/rpc/service.ts"],
    ["services/order/domain/order-state.test.ts", "npm:fast-check"],
    ["test/mesh.test.ts", "services/order/index.ts"],
    ["bench/suites/order-read.ts", "services/order/store/orders.ts"],
    ["bench/suites/order-read.ts", "npm:mysql2/promise"],
    ["bench/suites/order-read.ts", "node:sqlite"],
    ["bench/machine/components.ts", "tools/components/nats.ts"],
    ["bench/suites/order-read.ts", "test/support/instance.ts"],
    ["tools/components/mariadb.ts", "npm:mysql2/promise"],
    ["services/runtime/rpc/reflection.test.ts", "tools/components/programs.ts"],
    ["services/order/store/orders.test.ts", "test/support/databases.ts"],
    ["services/runtime/events/contract/crashes.ts", "test/support/temporary.ts"],
  ])("%s -> %s", (from, to) => {
    expect(against(from, to)).toEqual([]);
  });
});
