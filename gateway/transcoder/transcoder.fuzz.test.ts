import { LibraryService } from "@ordermesh/proto/ordermesh/testing/v1/library_pb";
import { localAdministrator } from "@ordermesh/runtime/auth/principal.ts";
import fc from "fast-check";
import pino from "pino";
import { expect, test } from "vitest";
import { createNativeSurface } from "../surfaces/native/index.ts";
import { createKiosk } from "./testing/kiosk.ts";
import { createLibrary } from "./testing/library.ts";
import { serve } from "./testing/serve.ts";
import { createTranscoder } from "./transcoder.ts";

const piece = fc.oneof(
  fc.constantFrom(
    ..."/?&=:.*%#+~{}[]<>\"'\\^`|;,@!$ x01",
    ..."v1 api shelves books items values numbers genres files buy cancel check orders kiosk old health".split(" "),
    ..."%2F %2f %00 %25 %ff %E4%BD %3A .. %2e%2e // :move :buy __proto__ constructor".split(" "),
    ..."pageSize= filter. values. text genres=GENRE_NOVEL 9223372036854775808 -1 1e400 NaN true".split(" "),
  ),
  fc.string({ maxLength: 6 }),
);
const known = fc.constantFrom(
  "/v1/shelves/1/books",
  "/v1/books?",
  "/v1/values/x?values.",
  "/v1/values",
  "/v1/shelves/1/books/2:move",
  "/api/v1/items/7/buy",
  "/api/v1/items/",
  "/api/v1/check",
);
const target = fc
  .tuple(fc.oneof(known, fc.constant("/")), fc.array(piece, { maxLength: 8 }))
  // What no HTTP client can send never reaches us.
  .map(([start, pieces]) => (start + pieces.join("")).replace(/[^\x21-\x7e]/g, ""));
const method = fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "REPORT");
const bodyKey = fc.constantFrom(
  "title",
  "pages",
  "values",
  "numbers",
  "labels",
  "any",
  "__proto__",
  "name",
  "quantity",
);
const body = fc.oneof(
  fc.constant(undefined),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.json({ maxDepth: 3 }).map((text) => Buffer.from(text)),
  fc.dictionary(bodyKey, fc.jsonValue({ maxDepth: 3 })).map((value) => Buffer.from(JSON.stringify(value))),
);
const contentType = fc.constantFrom("application/json", "text/plain", "application/json; charset=latin1", "");

test("whatever is sent gets one well-formed answer, and the process lives", { timeout: 60_000 }, async () => {
  const log = pino({ level: "silent" });
  const library = createLibrary(log);
  const transcoder = createTranscoder({
    surfaces: [createNativeSurface([LibraryService]), createKiosk(library.caller)],
    caller: library.caller,
    authenticate: () => localAdministrator,
    log,
  });
  const { send } = await serve((request, response) => void transcoder.handle(request, response));
  await fc.assert(
    fc.asyncProperty(method, target, body, contentType, async (verb, path, bytes, type) => {
      const headers = type === "" ? undefined : { "content-type": type };
      const answer = await send(`${verb} ${path}`, { headers, body: bytes });
      expect(answer.status).not.toBe(500);
      expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f]{32}$/);
      if (answer.status === 204) expect(answer.headers).not.toHaveProperty("content-length");
      else if (verb !== "HEAD") expect(answer.headers["content-length"]).toBe(String(Buffer.byteLength(answer.body)));
      if (verb !== "HEAD" && answer.headers["content-type"]?.startsWith("application/json")) JSON.parse(answer.body);
    }),
    { numRuns: 3000 },
  );
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect((await send("GET /v1/shelves/1/books/2")).status).toBe(200);
});
