import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ActivitySchema } from "@ordermesh/proto/compat/minishop/v1/seckill_pb";
import type { Activity } from "@ordermesh/proto/ordermesh/order/v1/seckill_pb";
import { numberOfId } from "./legacy-number.ts";
import { zeroTime } from "./legacy-time.ts";
import { majorUnits } from "./money.ts";

/** An activity as it was prewarmed; without one, Go's zero values. */
export function activityView(activity: Activity | undefined): MessageInitShape<typeof ActivitySchema> {
  return {
    productId: numberOfId(activity?.productId ?? ""),
    productName: activity?.productName,
    price: majorUnits(activity?.price),
    stock: activity?.stock?.total,
    startTime: activity?.startsAt ?? zeroTime,
    endTime: activity?.endsAt ?? zeroTime,
    status: activity?.label,
  };
}
