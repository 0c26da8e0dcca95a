import { defineConfig, option } from "@ordermesh/runtime/config/option.ts";
import { text, url } from "@ordermesh/runtime/config/values.ts";
import { peerNamePattern, peerUri } from "@ordermesh/runtime/tls/peer-name.ts";

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
});
