import type { DescMessage, DescService } from "@bufbuild/protobuf";
import { MiniShopHealthService, MiniShopOrderService } from "@ordermesh/proto/compat/minishop/v1/order_pb";
import { MiniShopSeckillService } from "@ordermesh/proto/compat/minishop/v1/seckill_pb";
import { OrderTrackerService } from "@ordermesh/proto/compat/ordertracker/v1/order_tracker_pb";
import { TimeFormat } from "@ordermesh/proto/ordermesh/rest/v1/options_pb";
import { KioskService, ValuesSchema } from "@ordermesh/proto/ordermesh/testing/v1/library_pb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { nativeServices } from "./native-services.ts";
import { minishopDialect } from "./surfaces/minishop/dialect.ts";
import { dialect as orderTrackerDialect } from "./surfaces/ordertracker/dialect.ts";
import { type JsonWriteRules, proto3Json } from "./transcoder/dialect.ts";
import { createJsonWriter } from "./transcoder/json-writer.ts";
import { anyMessage } from "./transcoder/testing/any-message.ts";
import { referenceJson } from "./transcoder/testing/reference-json.ts";

const anyRules: fc.Arbitrary<JsonWriteRules> = fc.record({
  names: fc.constantFrom("proto", "json"),
  int64: fc.constantFrom("number", "string"),
  enums: fc.constantFrom("name", "number"),
  enumWords: fc.constantFrom<NonNullable<JsonWriteRules["enumWords"]>>(
    {},
    { "ordermesh.testing.v1.Genre": { 1: "roman" } },
  ),
  zeroValues: fc.constantFrom("write", "omit"),
  unset: fc.constantFrom("omit", "null"),
  time: fc.constantFrom(TimeFormat.RFC3339, TimeFormat.RFC3339_TRIMMED, TimeFormat.NAIVE, TimeFormat.DATE),
  decimals: fc.constantFrom("shortest", "fraction"),
});

const minishop = [MiniShopOrderService, MiniShopSeckillService, MiniShopHealthService];

test.each<[string, readonly DescService[], fc.Arbitrary<JsonWriteRules>]>([
  ["the native surface's", nativeServices, fc.constant(proto3Json.write)],
  ["MiniShop's", minishop, fc.constant(minishopDialect.write)],
  ["OrderTracker's", [OrderTrackerService], fc.constant(orderTrackerDialect.write)],
  ["any dialect's", [KioskService, OrderTrackerService], anyRules],
])("%s replies are what the rules say, field by field", (_whose, services, rules) => {
  for (const { output } of services.flatMap(({ methods }) => methods)) compare(output, rules);
});

test("so are messages with every type of field, in any dialect", () => {
  compare(ValuesSchema, anyRules, 100);
});

function compare(schema: DescMessage, anyRule: fc.Arbitrary<JsonWriteRules>, numRuns = 20): void {
  fc.assert(
    fc.property(anyMessage(schema), anyRule, (message, rules) => {
      expect(createJsonWriter(rules).message(schema)(message)).toBe(referenceJson(schema, message, rules));
    }),
    { numRuns },
  );
}
