import type { IncomingMessage, ServerResponse } from "node:http";

export interface HomeLink {
  readonly path: string;
  readonly what: string;
}

const title = "ordermesh";
const summary = "One order mesh for shops: REST, Connect, gRPC-Web and gRPC on this port.";

/**
 * `GET /`: what this is and where to go on, as JSON, or as a small page for who prefers HTML. False for every other
 * request, which it leaves unanswered.
 */
export function createHomePage(links: readonly HomeLink[]) {
  const json = `${JSON.stringify({ name: title, summary, links })}\n`;
  const html = page(links);
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const { method, url = "" } = request;
    if ((url !== "/" && !url.startsWith("/?")) || (method !== "GET" && method !== "HEAD")) return false;
    const asHtml = /\btext\/html\b/i.test(request.headers.accept ?? "");
    response.writeHead(200, {
      "content-type": asHtml ? "text/html; charset=utf-8" : "application/json",
      vary: "accept",
      "x-content-type-options": "nosniff",
      ...(asHtml && { "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'" }),
    });
    response.end(method === "HEAD" ? undefined : asHtml ? html : json);
    return true;
  };
}

function page(links: readonly HomeLink[]): string {
  const items = links.map(
    ({ path, what }) => `<li><a href="${htmlText(path)}">${htmlText(path)}</a> ${htmlText(what)}</li>`,
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<style>body{font:16px/1.5 system-ui;max-width:40em;margin:3em auto;padding:0 1em}</style>
<h1>${title}</h1><p>${htmlText(summary)}</p><ul>${items.join("\n")}</ul></html>
`;
}

function htmlText(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
