import { defineConfig, option } from "@ordermesh/runtime/config/option.ts";
import { list, parsed, port, text, url } from "@ordermesh/runtime/config/values.ts";
import { peerNamePattern, peerUri } from "@ordermesh/runtime/tls/peer-name.ts";
import { parseNetworks } from "./transcoder/trusted-proxies.ts";

/** The legacy systems whose HTTP clients are served; they name the `SURFACE_<NAME>_...` options. */
export const legacySurfaces = ["ordertracker", "minishop"] as const;

export type LegacySurface = (typeof legacySurfaces)[number];

/** The gateway's own options. */
export const gatewayOptions = defineConfig({
  ORDER_URL: option({
    schema: url("http", "https"),
    doc: "Where the gateway finds the order service when this process does not run it.",
    reason: "One process runs both.",
  }),
  ORDER_PEER: option({
    schema: text(peerNamePattern, "a name of letters, digits and `-`"),
    doc: `Who must answer at ORDER_URL, by its certificate: ${peerUri("NAME")}; unset: whoever has a certificate for the URL's host.`,
    reason: "Between processes without Envoy the address is the name.",
  }),
  TRUSTED_PROXIES: option({
    schema: parsed(parseNetworks, "addresses and networks such as 10.0.0.0/8, separated by commas"),
    default: [],
    doc: "Whose X-Forwarded-For and X-Forwarded-Proto count, beside peers that come with a certificate of the mesh.",
    reason: "Anybody can write those headers.",
  }),
  SURFACE_MINISHOP_GATEWAY_PORT: option({
    schema: port,
    doc: "A port where MiniShop is served as its API gateway served it, with that gateway's own health and errors.",
    reason: "Its paths are on the shared port, too.",
  }),
  SURFACE_MINISHOP_GATEWAY_ORIGINS: option({
    schema: list(/^https?:\/\/[^/\s,]+$/, "origins such as https://shop.example.com, separated by commas"),
    default: [],
    doc: "Web origins whose pages may read replies on that port.",
    reason: "The old gateway let every page in.",
  }),
});
