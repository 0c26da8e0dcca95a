// A server for tests of the harness: answers as its path says. With the files of a certificate and its key it speaks TLS.
import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

const [certificate, key] = process.argv.slice(2).map((file) => readFileSync(file));

const answer: RequestListener = async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  await sleep(Number(searchParams.get("delayMs") ?? 0));
  const body: Buffer[] = [];
  for await (const part of request) body.push(part as Buffer);
  if (pathname === "/refuse") response.writeHead(503).end("busy");
  else if (pathname === "/echo") response.end(Buffer.concat(body));
  else if (pathname === "/chunked") {
    response.write("hel");
    setImmediate(() => response.end("lo"));
  } else response.end("hello");
};

const isSecure = certificate !== undefined;
const server = isSecure ? createSecureServer({ cert: certificate, key }, answer) : createServer(answer);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(
    `ready ${isSecure ? "https" : "http"}://127.0.0.1:${typeof address === "object" ? address?.port : ""}\n`,
  );
});
