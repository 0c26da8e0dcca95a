import type { DescService } from "@bufbuild/protobuf";
import { EventAdminService } from "@ordermesh/proto/ordermesh/events/v1/admin_pb";

/** What the native REST surface shows. */
export const nativeServices: readonly DescService[] = [EventAdminService];
