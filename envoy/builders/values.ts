import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Duration, durationFromMs } from "@bufbuild/protobuf/wkt";
import { type Address, AddressSchema } from "../gen/envoy/config/core/v3/address_pb.js";
import type { RuntimeFractionalPercentSchema } from "../gen/envoy/config/core/v3/base_pb.js";
import type { ConfigSourceSchema } from "../gen/envoy/config/core/v3/config_source_pb.js";
import { ApiVersion } from "../gen/envoy/config/core/v3/config_source_pb.js";
import { FractionalPercent_DenominatorType } from "../gen/envoy/type/v3/percent_pb.js";

/** Milliseconds as protobuf has them. Throws RangeError for what is no duration. */
export function milliseconds(value: number): Duration {
  if (!Number.isFinite(value)) throw new RangeError(`a duration in milliseconds, not ${value}`);
  return durationFromMs(value);
}

/** An IP address and a port. Port 0 lets the kernel choose. */
export function socketAddress(address: string, port: number): Address {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new RangeError(`a port from 0 to 65535, not ${port}`);
  const value = { address, portSpecifier: { case: "portValue", value: port } } as const;
  return create(AddressSchema, { address: { case: "socketAddress", value } });
}

/** A Unix socket that its owner alone may use. */
export function unixSocketAddress(path: string): Address {
  return create(AddressSchema, { address: { case: "pipe", value: { path, mode: 0o600 } } });
}

/** A share of requests in whole percent, which operators may change by the runtime key. */
export function percentOf(value: number, runtimeKey = ""): MessageInitShape<typeof RuntimeFractionalPercentSchema> {
  return { runtimeKey, defaultValue: { numerator: value, denominator: FractionalPercent_DenominatorType.HUNDRED } };
}

/** Resources come over the one aggregated stream, which alone keeps their order. */
export const overAds = {
  resourceApiVersion: ApiVersion.V3,
  configSourceSpecifier: { case: "ads", value: {} },
} as const satisfies MessageInitShape<typeof ConfigSourceSchema>;
