import { localAdministrator } from "@ordermesh/runtime/auth/principal.ts";
import pino from "pino";
import { describe, expect, test } from "vitest";
import { createKiosk } from "./testing/kiosk.ts";
import { createLibrary } from "./testing/library.ts";
import { serve } from "./testing/serve.ts";
import { createTranscoder } from "./transcoder.ts";
import { trustedProxies } from "./trusted-proxies.ts";

/** A surface that redirects to whole URLs, behind proxies at these addresses. */
async function start(networks: readonly string[]) {
  const lines: string[] = [];
  const log = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
  const { caller } = createLibrary(log);
  const kiosk = createKiosk(caller);
  const routing = { ...kiosk.routing, trailingSlash: "redirect-absolute" } as const;
  const transcoder = createTranscoder({
    surfaces: [{ ...kiosk, routing }],
    alone: true,
    caller,
    authenticate: () => localAdministrator,
    proxies: trustedProxies(networks),
    log,
  });
  return { ...(await serve((request, response) => void transcoder.handle(request, response))), lines };
}

const host = "shop.example.com:8443";
const slash = "GET /api/v1/items/7/?a=1";

describe("an absolute Location", () => {
  test.each([
    ["https", "https"],
    ["http, HTTPS", "https"],
    ["http", "http"],
    ["javascript:", "http"],
  ])("after a proxy of ours said %j has the scheme %s, and the host as it came", async (told, scheme) => {
    const { send } = await start(["127.0.0.0/8"]);
    const { headers } = await send(slash, { headers: { host, "x-forwarded-proto": told } });
    expect(headers.location).toBe(`${scheme}://${host}/api/v1/items/7?a=1`);
  });

  test("does not follow the word of a stranger", async () => {
    const { send } = await start(["10.0.0.0/8"]);
    const { headers } = await send(slash, { headers: { host, "x-forwarded-proto": "https" } });
    expect(headers.location).toBe(`http://${host}/api/v1/items/7?a=1`);
  });

  test.each(["evil.example/path", "a b", 'a"><script>', "user@evil.example"])(
    "is relative where the host is no host: %s",
    async (bad) => {
      const { send } = await start([]);
      expect((await send(slash, { headers: { host: bad } })).headers.location).toBe("/api/v1/items/7?a=1");
    },
  );
});

describe("a failure in the log", () => {
  // Its reply has a status that HTTP does not have.
  const crash = { body: '{"quantity":1,"user_id":666}' };

  test.each([
    ["a proxy of ours", ["127.0.0.0/8"], "203.0.113.9"],
    ["a stranger", [], "127.0.0.1"],
  ])("after %s has the client's address as far as it is known", async (_peer, networks, clientAddress) => {
    const { send, lines } = await start(networks);
    const headers = { "x-forwarded-for": "198.51.100.1, 203.0.113.9", "x-request-id": "r-1" };
    const reply = await send("POST /api/v1/items/7/buy", { ...crash, headers });
    expect(reply).toMatchObject({ status: 500, headers: { "x-request-id": "r-1" } });
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ requestId: "r-1", clientAddress }]);
  });
});
