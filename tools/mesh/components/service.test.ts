import { expect, test } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary.ts";
import { layoutOf } from "../layout.ts";
import { ensureSecrets } from "../secrets.ts";
import type { MeshContext } from "./context.ts";
import { serviceEnvironment } from "./service.ts";

function environmentOf(environment: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const layout = layoutOf(temporaryDirectory("environment"));
  const ports = { edge: 1, listener: 2, controlPlane: 4, nats: 5, database: 6 };
  const context: MeshContext = { layout, ports, secrets: ensureSecrets(layout.secrets, ["jwt"]), environment };
  return serviceEnvironment(context, "order", ["envoy", "operator"]);
}

test("what the operator sets reaches the services", () => {
  expect(
    environmentOf({ LOG_LEVEL: "debug", SURFACE_MINISHOP_AUTH: "anonymous", MESH_ACCESS_LOG: "off" }),
  ).toMatchObject({
    LOG_LEVEL: "debug",
    SURFACE_MINISHOP_AUTH: "anonymous",
    MESH_ACCESS_LOG: "off",
  });
});

test("what the mesh decides does not come from outside", () => {
  const outside = {
    HOST: "0.0.0.0",
    PORT: "80",
    DATABASE_URL: "mysql://elsewhere/x",
    NATS_URL: "nats://elsewhere",
    AUTH: "open",
    TLS_PEERS: "everybody",
    SERVICE_TOKEN_SECRET: "of the operator's own, with thirty-two bytes",
    SURFACE_MINISHOP_PORT: "8082",
    MESH_DATA_DIR: "/elsewhere",
    MESH_EDGE_PORT: "443",
  };
  const environment = environmentOf(outside);
  expect(environment).toMatchObject({ HOST: "127.0.0.1", PORT: "0", AUTH: "jwt", TLS_PEERS: "envoy,operator" });
  expect(Object.entries(outside).filter(([name, value]) => environment[name] === value)).toEqual([]);
});

test("tokens are signed with the mesh's own secret unless the operator names keys", () => {
  expect(environmentOf({}).JWT_SECRET_FILE).toMatch(/secrets\/jwt$/);
  expect(environmentOf({ JWT_JWKS_URL: "https://issuer/keys" }).JWT_SECRET_FILE).toBeUndefined();
  expect(environmentOf({ JWT_ISSUER: "shop" })).toMatchObject({ JWT_ISSUER: "shop", JWT_AUDIENCE: "ordermesh" });
});
