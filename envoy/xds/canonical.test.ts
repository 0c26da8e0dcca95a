import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClusterSchema } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import { MetadataSchema } from "../gen/envoy/config/core/v3/base_pb.js";
import { canonicalBinary } from "./canonical.ts";

const metadata = (entries: readonly (readonly [string, Record<string, number>])[]) =>
  create(MetadataSchema, { filterMetadata: Object.fromEntries(entries) });

describe("the canonical binary form", () => {
  test("does not depend on the order of map entries, at any depth", () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 5 });
    const property = fc.property(names, names, (outer, inner) => {
      const values = (order: readonly string[]) => Object.fromEntries(order.map((name) => [name, name.length]));
      const forward = metadata(outer.map((name) => [name, values(inner)]));
      const backward = metadata(outer.toReversed().map((name) => [name, values(inner.toReversed())]));
      expect(canonicalBinary(MetadataSchema, backward)).toEqual(canonicalBinary(MetadataSchema, forward));
    });
    fc.assert(property);
  });

  test("reaches into Any", () => {
    const within = (order: readonly string[]) =>
      create(ClusterSchema, {
        name: "a",
        typedExtensionProtocolOptions: {
          x: anyPack(MetadataSchema, metadata(order.map((name) => [name, {}]))),
        },
      });
    expect(canonicalBinary(ClusterSchema, within(["p", "q"]))).toEqual(
      canonicalBinary(ClusterSchema, within(["q", "p"])),
    );
  });

  test("says what the message says, and leaves it alone", () => {
    const message = metadata([
      ["b", { y: 1, x: 2 }],
      ["a", {}],
    ]);
    const before = toBinary(MetadataSchema, message);
    expect(fromBinary(MetadataSchema, canonicalBinary(MetadataSchema, message))).toEqual(message);
    expect(toBinary(MetadataSchema, message)).toEqual(before);
  });

  test("keeps an Any of a type that nobody knows as it is", () => {
    const value = new Uint8Array([8, 1]);
    const message = create(ClusterSchema, {
      typedExtensionProtocolOptions: { x: { typeUrl: "type.googleapis.com/some.Thing", value } },
    });
    const read = fromBinary(ClusterSchema, canonicalBinary(ClusterSchema, message));
    expect(read.typedExtensionProtocolOptions.x?.value).toEqual(value);
  });
});
