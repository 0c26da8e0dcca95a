/** The mesh's own SPIFFE trust domain: names mean something only below the authority of the mesh. */
const trustDomain = "ordermesh.local";

/** What a peer may be called: `order`, `envoy`. */
export const peerNamePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The URI in the certificate of the peer of this name (SPIFFE ID, https://spiffe.io/docs/latest/spiffe-about/spiffe-concepts). */
export function peerUri(name: string): string {
  return `spiffe://${trustDomain}/${name}`;
}

/**
 * The peer's name in a certificate's `subjectAltName` as Node writes it; undefined without one. A certificate with several
 * URIs has no name: whoever checks one of them would not know which counts (SPIFFE X509-SVID, section 2).
 */
export function peerNameOf(subjectAltName: string | undefined): string | undefined {
  const uris = alternativeNames(subjectAltName ?? "").filter(({ kind }) => kind === "URI");
  const prefix = peerUri("");
  const [uri, ...more] = uris;
  if (uri === undefined || more.length > 0 || !uri.value.startsWith(prefix)) return undefined;
  const name = uri.value.slice(prefix.length);
  return peerNamePattern.test(name) ? name : undefined;
}

/**
 * The entries of `URI:spiffe://x/y, DNS:localhost`. Node writes a value with a comma or a quote as a JSON text; one that was
 * taken apart at its commas could pass for entries of its own (CVE-2021-44532).
 */
function alternativeNames(text: string): { readonly kind: string; readonly value: string }[] {
  const names: { kind: string; value: string }[] = [];
  const entry = /([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;
  while (entry.lastIndex < text.length) {
    const [, kind = "", value = ""] = entry.exec(text) ?? [];
    // Something else than entries: none of them counts.
    if (kind === "") return [];
    names.push({ kind, value: value.startsWith('"') ? String(JSON.parse(value)) : value });
  }
  return names;
}
