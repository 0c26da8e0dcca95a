import { randomBytes } from "node:crypto";
import { z } from "zod";

const instanceSchema = z.object({
  /** `order`, `gateway`. */
  service: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/),
  /** `<service>-<random>`: of one run of one process. */
  instanceId: z.string().regex(/^[a-z][a-z0-9-]{0,126}$/),
  /** Full names of the RPC services that it serves (`ordermesh.order.v1.OrderService`); none for a REST gateway. */
  rpcServices: z.array(z.string().regex(/^[A-Za-z_][\w.]{0,254}$/)).max(1000),
  /** Host name or IP address where others reach it. */
  address: z.string().regex(/^[\w.:[\]-]{1,255}$/),
  port: z.int().min(1).max(65_535),
  /** Data centre, rack; empty where nobody said. */
  zone: z.string().max(63),
  /** Of the program. */
  version: z.string().max(63),
  /** By their ALPN names; all on the one port. */
  protocols: z.array(z.enum(["h2", "http/1.1"])).max(2),
  /** Epoch milliseconds. */
  startedAt: z.int(),
  /** `draining`: it takes no new requests and is about to leave. */
  state: z.enum(["ready", "draining"]),
});

/** One running process of a service, as it registers itself. */
export type Instance = Readonly<z.infer<typeof instanceSchema>>;

/** An id that no other process has. */
export function newInstanceId(service: string): string {
  return `${service}-${randomBytes(6).toString("hex")}`;
}

/** The instance's key in the bucket: letters that every KV client takes. */
export function instanceKey({ service, instanceId }: Pick<Instance, "service" | "instanceId">): string {
  return `${service}.${instanceId}`;
}

export function encodeInstance(instance: Instance): string {
  return JSON.stringify(instance);
}

/** Undefined for what is none, or stands under another's key: whoever may write to the bucket is not believed blindly. */
export function decodeInstance(key: string, value: string): Instance | undefined {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch {
    return undefined;
  }
  const { data } = instanceSchema.safeParse(json);
  return data !== undefined && instanceKey(data) === key ? data : undefined;
}
