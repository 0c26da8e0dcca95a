import { request as httpRequest } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { LibraryService } from "@ordermesh/proto/ordermesh/testing/v1/library_pb";
import { anonymous, localAdministrator } from "@ordermesh/runtime/auth/principal.ts";
import { fail } from "@ordermesh/runtime/errors/fail.ts";
import pino from "pino";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createNativeSurface } from "../surfaces/native/index.ts";
import { createKiosk } from "./testing/kiosk.ts";
import { createLibrary, type Library } from "./testing/library.ts";
import { serve, type TestServer } from "./testing/serve.ts";
import { createTranscoder, type Exchange, type Transcoder, type TranscoderOptions } from "./transcoder.ts";

interface Fixture extends TestServer {
  readonly library: Library;
  readonly transcoder: Transcoder;
  readonly exchanges: Exchange[];
  /** Lines of the log. */
  readonly lines: string[];
}

async function start(change: Partial<TranscoderOptions> = {}): Promise<Fixture> {
  const lines: string[] = [];
  const log = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
  const library = createLibrary(log);
  const exchanges: Exchange[] = [];
  const transcoder = createTranscoder({
    surfaces: [createNativeSurface([LibraryService]), createKiosk(library.caller)],
    caller: library.caller,
    authenticate: () => localAdministrator,
    log,
    observe: (exchange) => exchanges.push(exchange),
    ...change,
  });
  const server = await serve((request, response) => void transcoder.handle(request, response));
  return { ...server, library, transcoder, exchanges, lines };
}

const alone = (): Promise<Fixture> => {
  const library = createLibrary(pino({ level: "silent" }));
  return start({ surfaces: [createKiosk(library.caller)], alone: true });
};

const json = { "content-type": "application/json" };
const book = "/v1/shelves/1/books/2";

describe("a native call", () => {
  test("answers with the message as JSON", async () => {
    const { send } = await start();
    const answer = await send(`GET ${book}`);
    expect(answer).toMatchObject({ status: 200, headers: { "content-type": "application/json" } });
    expect(JSON.parse(answer.body)).toEqual({
      name: "shelves/1/books/2",
      title: "A title",
      pages: "9007199254740993",
      genre: "GENRE_UNSPECIFIED",
      authors: ["Lin", "林"],
    });
  });

  test("takes a GET with an empty body of length 0", async () => {
    const { send } = await start();
    expect(await send(`GET ${book}`, { headers: { "content-length": "0" } })).toMatchObject({ status: 200 });
  });

  test("answers HEAD with GET's headers and no body", async () => {
    const { send } = await start();
    const { headers } = await send(`GET ${book}`);
    expect(await send(`HEAD ${book}`)).toMatchObject({
      status: 200,
      body: "",
      headers: { "content-length": headers["content-length"], "content-type": "application/json" },
    });
  });

  test("answers OPTIONS with what the path takes", async () => {
    const { send } = await start();
    expect(await send(`OPTIONS ${book}`)).toMatchObject({
      status: 204,
      headers: { allow: "GET, HEAD, PATCH, OPTIONS" },
    });
  });

  test("has the success status of its options, and of the reply's headers those that are allowed", async () => {
    const { send } = await start();
    const answer = await send("POST /v1/shelves/1/books?bookId=9", { headers: json, body: '{"title":"T"}' });
    expect(answer).toMatchObject({ status: 201, headers: { "idempotent-replayed": "true" } });
    expect(answer.headers).not.toHaveProperty("x-internal");
    expect(JSON.parse(answer.body)).toMatchObject({ name: "shelves/1/books/9", title: "T" });
  });

  test("hands on principal, idempotency key, trace, request id and timeout, and nothing unlisted", async () => {
    const { send, library } = await start();
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const before = Date.now();
    const answer = await send(`POST ${book}:move`, {
      headers: {
        ...json,
        "idempotency-key": "key-1",
        traceparent: `00-${traceId}-b7ad6b7169203331-01`,
        "x-request-id": "req-1",
        "grpc-timeout": "5S",
        cookie: "session=1",
      },
      body: '{"otherShelf":"3"}',
    });
    expect(answer).toMatchObject({ status: 200, headers: { "x-request-id": "req-1" } });
    const [context] = library.contexts;
    expect(context).toMatchObject({ principal: localAdministrator, transport: "rest", trace: { traceId } });
    expect(context?.requestHeader.get("idempotency-key")).toBe("key-1");
    expect(context?.requestHeader.get("x-request-id")).toBe("req-1");
    expect(context?.requestHeader.get("cookie")).toBeNull();
    expect(context?.deadline).toBeGreaterThanOrEqual(before + 5000);
    expect(context?.deadline).toBeLessThanOrEqual(Date.now() + 5000);
  });

  test("gives the trace id as request id where the caller has none that is usable", async () => {
    const { send, library } = await start();
    const answer = await send(`GET ${book}`, { headers: { "x-request-id": "x".repeat(129) } });
    expect(answer.headers["x-request-id"]).toBe(library.contexts[0]?.trace.traceId);
  });

  test("passes its principal's refusal on", async () => {
    const { send } = await start({ authenticate: () => anonymous });
    expect((await send(`POST ${book}:move`, { headers: json, body: "{}" })).status).toBe(401);
  });

  test("is refused before its body is read when the caller is nobody", async () => {
    const authenticate = () => Promise.reject(fail("UNAUTHENTICATED"));
    const { send } = await start({ authenticate });
    expect(await send(`POST ${book}:move`, { headers: json, body: "not json" })).toMatchObject({
      status: 401,
      headers: { "www-authenticate": "Bearer" },
    });
  });

  test("is public where its policy says so, whatever the credentials", async () => {
    const { send } = await start({ authenticate: () => Promise.reject(fail("TOKEN_EXPIRED")) });
    expect((await send(`GET ${book}`)).status).toBe(200);
  });

  test("a foreign origin is refused also where the method is public", async () => {
    const { send } = await start({ authenticate: () => Promise.reject(fail("FOREIGN_ORIGIN")) });
    expect((await send(`GET ${book}`)).status).toBe(403);
  });

  test("is cancelled when the client goes away", async () => {
    const { port, library, exchanges } = await start();
    const outgoing = httpRequest({ host: "127.0.0.1", port, path: "/v1/shelves/1/books/slow" });
    outgoing.on("error", () => undefined);
    outgoing.end();
    await vi.waitFor(() => expect(library.contexts).toHaveLength(1));
    outgoing.destroy();
    await vi.waitFor(() => expect(exchanges).toMatchObject([{ status: 499 }]));
    expect(library.contexts[0]?.signal.aborted).toBe(true);
  });

  test("ends at its deadline", async () => {
    const { send } = await start();
    const answer = await send("GET /v1/shelves/1/books/slow", { headers: { "grpc-timeout": "30m" } });
    expect(answer.status).toBe(504);
  });

  test("works over HTTP/2", async () => {
    const send = await startHttp2();
    expect(await send("GET", book)).toMatch(/^200 \{"name":"shelves\/1\/books\/2"/);
    expect(await send("POST", `${book}:move`, '{"otherShelf":"3"}')).toBe('200 {"name":"shelves/1/books/2 -> 3"}');
    expect(await send("POST", `${book}:move`, "x".repeat(1_100_000))).toMatch(/^413 /);
  });
});

/** Sends over HTTP/2; gives status and body. */
async function startHttp2(): Promise<(method: string, path: string, body?: string) => Promise<string>> {
  const { transcoder } = await start();
  const server = createHttp2Server((request, response) => void transcoder.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    session.close();
    server.close();
  });
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ":method": method, ":path": path, ...json });
      let text = "";
      stream.on("response", (headers) => {
        text += `${headers[":status"]} `;
      });
      stream.setEncoding("utf8");
      stream.on("data", (chunk) => {
        text += chunk;
      });
      stream.on("end", () => resolve(text)).on("error", reject);
      stream.end(body);
    });
}

describe("request targets", () => {
  test("the absolute form, as proxies send it", async () => {
    const { raw } = await start();
    const answer = await raw(
      `GET http://example.com${book} HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  });

  test("bytes beyond ASCII as they are, which HTTP/2 lets through: UTF-8 or a refusal", async () => {
    const send = await startHttp2();
    const get = (name: Buffer) => send("GET", `/v1/values/${name.toString("latin1")}`);
    expect(await get(Buffer.from("林"))).toContain('"text":"林"');
    expect(await get(Buffer.from([0xff]))).toMatch(/^400 /);
  });

  test("`*` and authority forms are no paths", async () => {
    const { raw } = await start();
    expect(await raw("OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).toMatch(/^HTTP\/1.1 404 /);
  });
});

describe("native refusals", () => {
  async function refusal(request: string, options?: Parameters<TestServer["send"]>[1]) {
    const { send } = await start();
    const { status, headers, body } = await send(request, options);
    return { status, headers, error: JSON.parse(body) as Record<string, unknown> };
  }

  const detail = (type: string, fields: object) =>
    expect.objectContaining({ "@type": `type.googleapis.com/google.rpc.${type}`, ...fields });

  test("an unknown path", async () => {
    expect(await refusal("GET /nothing")).toMatchObject({
      status: 404,
      error: {
        code: 5,
        message: "there is nothing at this path",
        details: [detail("ErrorInfo", { reason: "ROUTE_NOT_FOUND" })],
      },
    });
  });

  test("a wrong method, with Allow", async () => {
    expect(await refusal(`DELETE ${book}`)).toMatchObject({
      status: 405,
      headers: { allow: "GET, HEAD, PATCH, OPTIONS" },
      error: { code: 12, message: "this path takes GET, HEAD, PATCH, OPTIONS" },
    });
  });

  test("an unknown query parameter, with a suggestion", async () => {
    expect(await refusal("GET /v1/books?pagesize=1")).toMatchObject({
      status: 400,
      error: {
        code: 3,
        details: [
          detail("ErrorInfo", { reason: "UNKNOWN_FIELD" }),
          detail("BadRequest", {
            fieldViolations: [
              { field: "pagesize", description: "there is no such query parameter; did you mean pageSize?" },
            ],
          }),
        ],
      },
    });
  });

  test.each([
    ["malformed JSON", "{", "MALFORMED_JSON"],
    ["duplicate keys", '{"title":"a","title":"b"}', "MALFORMED_JSON"],
    ["a second value", '{"title":"a"} {}', "MALFORMED_JSON"],
    ["NaN", '{"pages":NaN}', "MALFORMED_JSON"],
    ["deep nesting", "[".repeat(65), "MALFORMED_JSON"],
    ["bytes that are not UTF-8", Uint8Array.of(0x22, 0xff, 0x22), "MALFORMED_JSON"],
    ["a name that is not a field's", '{"__proto__":{"admin":true}}', "UNKNOWN_FIELD"],
    ["64-bit overflow", '{"pages":9223372036854775808}', "VALIDATION"],
    ["a wrong type", '{"title":5}', "VALIDATION"],
    ["a body that is no object", "[]", "VALIDATION"],
  ])("%s", async (_name, body, reason) => {
    expect(await refusal("POST /v1/shelves/1/books", { headers: json, body })).toMatchObject({
      status: 400,
      error: { code: 3, details: expect.arrayContaining([detail("ErrorInfo", { reason })]) },
    });
  });

  test.each([
    ["form", { "content-type": "application/x-www-form-urlencoded" }],
    ["text", { "content-type": "text/plain" }],
    ["no type", {}],
    ["compressed", { ...json, "content-encoding": "gzip" }],
    ["almost JSON", { "content-type": "application/jsonp" }],
  ])("a body of another content type: %s", async (_name, headers) => {
    expect(
      await refusal("POST /v1/shelves/1/books", { headers: headers as Record<string, string>, body: "{}" }),
    ).toMatchObject({
      status: 415,
      error: { code: 3, details: [detail("ErrorInfo", { reason: "UNSUPPORTED_MEDIA_TYPE" })] },
    });
  });

  test("a JSON body by another name is JSON", async () => {
    const { send } = await start();
    for (const type of ["application/json; charset=utf-8", "application/vnd.x+json", "APPLICATION/JSON"]) {
      const answer = await send("POST /v1/shelves/1/books", { headers: { "content-type": type }, body: "{}" });
      expect(answer.status).toBe(201);
    }
  });

  test("a timeout that is none", async () => {
    expect(await refusal(`GET ${book}`, { headers: { "grpc-timeout": "soon" } })).toMatchObject({
      status: 400,
      error: { message: "grpc-timeout is no timeout" },
    });
  });

  test("a body over the limit, however it is sent, and the connection still works", async () => {
    const { send, port } = await start();
    const body = "x".repeat(1_048_577);
    expect(await send("POST /v1/shelves/1/books", { headers: json, body })).toMatchObject({ status: 413 });
    const chunked = { ...json, "transfer-encoding": "chunked" };
    expect(await send("POST /v1/shelves/1/books", { headers: chunked, body })).toMatchObject({ status: 413 });
    expect(port).toBeGreaterThan(0);
    expect(await send("POST /v1/shelves/1/books", { headers: json, body: "{}" })).toMatchObject({ status: 201 });
  });

  test("a body far over the limit is not read: the connection closes", async () => {
    const { raw } = await start();
    const head = "POST /v1/shelves/1/books HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    const answer = await raw(`${head}content-length: 100000000000\r\n\r\n{`);
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(answer.toLowerCase()).toContain("connection: close");
  });

  test("a client that leaves in the middle of its body gets nothing and breaks nothing", async () => {
    const { raw, exchanges, send } = await start();
    await raw(
      "POST /v1/shelves/1/books HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
    );
    await vi.waitFor(() => expect(exchanges).toMatchObject([{ status: 499 }]));
    expect((await send(`GET ${book}`)).status).toBe(200);
  });
});

describe("native errors", () => {
  async function failure(name: string) {
    const fixture = await start();
    const { status, headers, body } = await fixture.send(`GET /v1/shelves/1/books/${name}`);
    return { ...fixture, status, headers, body, error: JSON.parse(body) };
  }

  test("carry code, message and details", async () => {
    const { status, error } = await failure("missing");
    expect(status).toBe(404);
    expect(error).toEqual({
      code: 5,
      message: "no such book",
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: "NOT_FOUND",
          domain: "ordermesh",
          metadata: { book: "missing" },
        },
      ],
    });
  });

  test("say when to come back", async () => {
    expect(await failure("busy")).toMatchObject({
      status: 429,
      headers: { "retry-after": "2" },
      error: { code: 8, details: [{}, { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "1.500s" }] },
    });
  });

  test("challenge who is not known, and name an expired token", async () => {
    expect((await failure("stranger")).headers["www-authenticate"]).toBe("Bearer");
    expect((await failure("expired")).headers["www-authenticate"]).toBe('Bearer error="invalid_token"');
  });

  test("never tell an internal text, but an id that the log knows", async () => {
    const { status, body, error, lines } = await failure("broken");
    expect(status).toBe(500);
    expect(body).not.toContain("password");
    const { errorId } = error.details[0].metadata;
    expect(lines.join("")).toContain(errorId);
    expect(lines.join("")).toContain("SELECT password");
  });

  test("with a code that nobody defined are server errors", async () => {
    expect(await failure("odd")).toMatchObject({ status: 500, error: { message: "odd" } });
  });

  test("keep a detail of a type that is not known as its bytes", async () => {
    expect(await failure("foreign")).toMatchObject({
      status: 409,
      error: { details: [{ "@type": "type.googleapis.com/acme.v1.Thing", value: "AQI=" }] },
    });
  });
});

describe("a legacy surface", () => {
  test("writes its dialect", async () => {
    const { send } = await start();
    const answer = await send("GET /api/v1/items/7?page=2");
    expect(answer).toMatchObject({ status: 200, headers: { "content-type": "application/json; charset=utf-8" } });
    expect(answer.body).toBe(
      '{"code":0,"msg":"A title","data":{"id":9007199254740993,"display_name":"7","price":12.5,' +
        '"created_at":"2030-05-04T10:00:00.1239Z","deleted_at":null,"day":"2030-05-04","pageSize":"2","tags":[],"genre":0}}',
    );
  });

  test("calls on with the request's principal, key and trace, and brings the replay back", async () => {
    const { send, library } = await start();
    await send("GET /api/v1/items/7", { headers: { "idempotency-key": "k" } });
    expect(library.contexts[0]?.principal).toBe(localAdministrator);
    expect(library.contexts[0]?.requestHeader.get("idempotency-key")).toBe("k");
  });

  test("refuses who may not call, before it reads the body", async () => {
    const { send } = await start({ authenticate: () => anonymous });
    const answer = await send("POST /api/v1/items/7/buy", { body: "{" });
    expect(answer).toMatchObject({ status: 401, body: '{"error":"credentials are missing or not valid"}' });
    const nobody = { ...anonymous, kind: "surface" } as const;
    const other = await start({ authenticate: () => nobody });
    expect((await other.send("POST /api/v1/items/7/buy", { body: "{" })).status).toBe(403);
  });

  test("renders errors of native calls in its own shape", async () => {
    const { send } = await start();
    expect(await send("GET /api/v1/items/missing")).toMatchObject({ status: 404, body: '{"error":"no such book"}' });
    expect((await send("GET /api/v1/items/broken")).body).toMatch(/^\{"error":"internal error \([0-9a-f-]{36}\)"\}$/);
  });

  test("reads as Go does: any content type, any letter case, the first value, the last duplicate", async () => {
    const { send } = await start();
    const body = '{"USER_ID":5,"quantity":7,"Quantity":1,"nothing":{}} trailing';
    expect(await send("POST /api/v1/items/7/buy", { headers: { "content-type": "text/plain" }, body })).toMatchObject({
      status: 200,
      body: '{"code":1,"order_id":"SK1"}',
    });
  });

  test("takes the status from the reply, which then does not show it", async () => {
    const { send } = await start();
    expect(await send("POST /api/v1/items/7/buy", { body: '{"quantity":2}' })).toMatchObject({
      status: 409,
      body: '{"code":-2}',
    });
  });

  test("a status that is none is a bug, not an answer", async () => {
    const { send } = await start();
    expect((await send("POST /api/v1/items/7/buy", { body: '{"quantity":1,"user_id":666}' })).status).toBe(500);
  });

  test("refuses a quoted number and a malformed body in its own shape", async () => {
    const { send } = await start();
    expect(await send("POST /api/v1/items/7/buy", { body: '{"quantity":"1"}' })).toMatchObject({
      status: 400,
      body: '{"error":"quantity: must be an integer, not a string"}',
    });
    expect((await send("POST /api/v1/items/7/buy", { body: "{" })).status).toBe(400);
    expect((await send("POST /api/v1/items/7/buy", { body: "x".repeat(4097) })).status).toBe(413);
  });

  test.each([undefined, "", "{", '{"reason":5}', "null", "[]"])("an optional body may be %j", async (body) => {
    const { send } = await start();
    expect(await send("PUT /api/v1/items/7/cancel", { body })).toMatchObject({
      status: 200,
      body: '{"reason":""}',
      headers: { "x-kiosk": "closed" },
    });
  });

  test("an optional body counts when it is good", async () => {
    const { send } = await start();
    expect(await send("PUT /api/v1/items/7/cancel", { body: '{"reason":"late"}' })).toMatchObject({
      body: '{"reason":"late"}',
    });
  });

  test("checks raw bodies itself, and may echo them", async () => {
    const { send } = await start();
    const check = (body?: string) => send("POST /api/v1/check", { body });
    expect(await check('{"name":"a","price":12.50}')).toMatchObject({ status: 200, body: '{"name":"a","price":12.5}' });
    expect(await check('{"name":1e400,"__proto__":[1]}')).toMatchObject({
      status: 422,
      body: '{"input":{"name":1e400,"__proto__":[1]}}',
    });
    expect(await check()).toMatchObject({ status: 422, body: '{"detail":"no body"}' });
  });

  test("puts CORS headers on every reply below its prefix, and answers OPTIONS there", async () => {
    const { send } = await start();
    const cors = { "access-control-allow-origin": "*", "access-control-allow-methods": "GET, POST" };
    expect(await send("OPTIONS /api/v1/check/nothing")).toMatchObject({ status: 204, headers: cors });
    expect(await send("OPTIONS /api/v1/check")).toMatchObject({ status: 204, headers: cors, body: "" });
    expect(await send("POST /api/v1/check", { body: "{" })).toMatchObject({ status: 400, headers: cors });
    expect((await send("GET /api/v1/items/7")).headers).not.toHaveProperty("access-control-allow-origin");
  });

  test("owns its prefixes' unknown paths, and no others", async () => {
    const { send } = await start();
    expect(await send("GET /api/v1/items/7/nothing")).toMatchObject({ status: 404, body: "404 page not found" });
    expect(await send("DELETE /api/v1/items/7")).toMatchObject({ status: 404, body: "404 page not found" });
    expect((await send("GET /api/v2")).headers["content-type"]).toBe("application/json");
  });

  test("redirects as gin: 301 with a line of HTML for GET, 307 without anything else", async () => {
    const { send } = await start();
    expect(await send("GET /api/v1/items/7/?a=1&b=2")).toMatchObject({
      status: 301,
      headers: { location: "/api/v1/items/7?a=1&b=2", "content-type": "text/html; charset=utf-8" },
      body: '<a href="/api/v1/items/7?a=1&amp;b=2">Moved Permanently</a>.\n\n',
    });
    const put = await send("PUT /api/v1/items/7/cancel/");
    expect(put).toMatchObject({ status: 307, headers: { location: "/api/v1/items/7/cancel" }, body: "" });
    expect(put.headers).not.toHaveProperty("content-type");
  });

  test("redirects as Starlette: 307 to an absolute URL, whatever the method", async () => {
    const library = createLibrary(pino({ level: "silent" }));
    const kiosk = createKiosk(library.caller);
    const surface = { ...kiosk, routing: { ...kiosk.routing, trailingSlash: "redirect-absolute" as const } };
    const { send, port } = await start({ surfaces: [surface], alone: true });
    const answer = await send("DELETE /api/v1/items/7//?a=1");
    const location = `http://127.0.0.1:${port}/api/v1/items/7?a=1`;
    expect(answer).toMatchObject({ status: 307, headers: { location }, body: "" });
  });

  test("alone on a port serves its own-port paths and answers every path", async () => {
    const { send } = await alone();
    expect(await send("GET /health")).toMatchObject({ status: 200, body: '{"status":"healthy"}' });
    expect(await send("GET /v1/books")).toMatchObject({ status: 404, body: "404 page not found" });
    const shared = await start();
    expect((await shared.send("GET /health")).headers["content-type"]).toBe("application/json");
    expect(await shared.send("GET /kiosk/health")).toMatchObject({ status: 200 });
  });
});

test("every request is told to the observer, with its route and status", async () => {
  const { send, exchanges } = await start();
  await send(`GET ${book}`);
  await send("GET /api/v1/items/missing");
  await send("GET /nothing");
  expect(exchanges.map(({ surface, status, route }) => [surface, status, route?.method.name])).toEqual([
    ["native", 200, "GetBook"],
    ["kiosk", 404, "GetItem"],
    ["native", 404, undefined],
  ]);
});

test("a surface that fails to render costs one reply, not the process", async () => {
  const surface = createNativeSurface([LibraryService]);
  const broken = () => {
    throw new Error("no words");
  };
  const { send, lines } = await start({ surfaces: [{ ...surface, renderProblem: broken }] });
  expect(await send("GET /nothing")).toMatchObject({ status: 500, body: "" });
  expect(lines.join("")).toContain("no words");
});

test("a header that HTTP cannot carry closes the connection, not the process", async () => {
  const surface = createNativeSurface([LibraryService]);
  const split = () => ({ status: 200, headers: { location: "a\r\nb" } });
  const { send } = await start({ surfaces: [{ ...surface, renderProblem: split }] });
  await expect(send("GET /nothing")).rejects.toThrow();
  expect((await send(`GET ${book}`)).status).toBe(200);
});
