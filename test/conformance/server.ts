// What the suite starts once for each setting: `node server.ts plain|ours DESCRIPTORS`.
import { serveOurs } from "./our-server.ts";
import { servePlain } from "./plain-server.ts";
import { readServerRequest, writeServerResponse } from "./protocol.ts";

const [kind = "", descriptors = ""] = process.argv.slice(2);
const request = readServerRequest(descriptors);
const serve = kind === "plain" ? servePlain : serveOurs;
writeServerResponse(descriptors, await serve(descriptors, request));
// The suite has all its answers when it says so.
process.on("SIGTERM", () => process.exit());
