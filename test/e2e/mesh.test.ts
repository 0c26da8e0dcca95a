import { SignJWT } from "jose";
import { expect, test } from "vitest";
import { freshDatabase } from "../support/databases.ts";
import { runProgram, startInstance } from "../support/instance.ts";
import { startNats } from "../support/nats.ts";

const secret = "a-secret-of-at-least-32-characters";

test.each(["mysql", "postgres"] as const)(
  "%s, JetStream and JWT: an operator's message becomes an order",
  async (kind) => {
    const database = await freshDatabase(kind);
    const nats = await startNats();
    const env = {
      DATABASE_URL: database.url ?? "",
      NATS_URL: nats.url,
      JWT_SECRET: secret,
      JWT_ISSUER: "shop",
      JWT_AUDIENCE: "ordermesh",
    };
    try {
      const { url, stop } = await startInstance(env);
      const message = `{"order_id":"SK1","product_id":4100,"user_id":7,"quantity":1,"price":2.5,"message_type":"seckill_order"}`;
      expect(await runProgram("services/order/cli/publish.ts", ["-"], { NATS_URL: nats.url }, message)).toMatchObject({
        code: 0,
      });
      expect((await fetch(`${url}/v1/orders`)).status).toBe(401);
      const authorization = `Bearer ${await token()}`;
      await expect
        .poll(async () => (await fetch(`${url}/api/v1/orders/SK1`, { headers: { authorization } })).status, {
          timeout: 10_000,
        })
        .toBe(200);
      expect(await stop()).toMatchObject({ code: 0 });
    } finally {
      await nats.stop();
      await database.drop();
    }
  },
  60_000,
);

function token(): Promise<string> {
  return new SignJWT({ roles: ["operator"] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("ops")
    .setIssuer("shop")
    .setAudience("ordermesh")
    .setExpirationTime("5m")
    .sign(new TextEncoder().encode(secret));
}
