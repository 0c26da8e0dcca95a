import { expect, test } from "vitest";
import { freePort } from "../../tools/components/process.ts";
import { startInstance } from "../support/instance.ts";
import { temporaryDirectory } from "../support/temporary.ts";

test("MiniShop's old gateway on a port of its own, with both services behind it", async () => {
  const port = await freePort();
  const { url } = await startInstance({
    DATA_DIR: temporaryDirectory("minishop-gateway"),
    SURFACE_MINISHOP_GATEWAY_PORT: String(port),
  });
  const get = async (path: string, base = `http://127.0.0.1:${port}`) => {
    const response = await fetch(base + path);
    return { status: response.status, body: await response.text() };
  };

  const { status, body } = await get("/health");
  expect({ status, ...JSON.parse(body) }).toMatchObject({
    status: "healthy",
    services: { order: { status_code: 200 }, seckill: { status_code: 200 } },
  });
  expect(await get("/api/v1/order/api/v1/users/7000/orders")).toMatchObject({ status: 200 });
  expect(await get("/api/v1/orders/none")).toEqual({ status: 404, body: '{"error":"订单不存在"}' });
  expect(await get("/stats")).toMatchObject({ status: 200 });
  expect(await get("/nothing")).toEqual({ status: 404, body: '{"code":404,"error":"接口不存在","path":"/nothing"}' });
  // The shared port shows neither.
  expect((await get("/health", url)).status).toBe(404);
  expect((await get("/stats", url)).status).toBe(404);
}, 30_000);
