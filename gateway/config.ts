import { defineConfig, option } from "@ordermesh/runtime/config/option.ts";
import { url } from "@ordermesh/runtime/config/values.ts";

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
});
