import { expect, test } from "vitest";
import { createHomePage } from "./home-page.ts";
import { serve } from "./transcoder/testing/serve.ts";

const homePage = createHomePage([{ path: "/healthz", what: "alive <always>" }]);

async function get(request: string, accept?: string) {
  const server = await serve((incoming, response) => {
    if (!homePage(incoming, response)) response.writeHead(404).end();
  });
  return server.send(request, accept === undefined ? {} : { headers: { accept } });
}

test("GET / says in JSON what this is and where to go on", async () => {
  const { status, body } = await get("GET /");
  expect(status).toBe(200);
  expect(JSON.parse(body)).toMatchObject({ name: "ordermesh", links: [{ path: "/healthz", what: "alive <always>" }] });
});

test("GET / is a page for a browser, its texts escaped", async () => {
  const { headers, body } = await get("GET /?a=1", "text/html,application/xhtml+xml");
  expect(headers["content-type"]).toBe("text/html; charset=utf-8");
  expect(body).toContain('<a href="/healthz">/healthz</a> alive &#60;always&#62;');
});

test.each(["POST /", "GET /other"])("%s is not its", async (request) => {
  expect((await get(request)).status).toBe(404);
});
