import { afterAll, beforeAll, expect, test } from "vitest";
import { startMesh, type TestMesh, token } from "./mesh.ts";
import { request } from "./request.ts";

let mesh: TestMesh;
beforeAll(async () => {
  mesh = await startMesh();
}, 90_000);
afterAll(() => mesh?.stop());

test("REST of the native API", async () => {
  const reply = await request(mesh, "/v1/orders", { headers: { authorization: `Bearer ${await token()}` } });
  expect(reply).toMatchObject({ status: 200, body: '{"orders":[],"nextPageToken":""}' });
});
