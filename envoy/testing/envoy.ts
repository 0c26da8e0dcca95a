import { envoyBinary, howToGetEnvoy } from "../binary.ts";

/** Envoy for tests: a machine without one fails them. */
export function requireEnvoy(): string {
  const binary = envoyBinary();
  if (binary === undefined) throw new Error(`no Envoy: ${howToGetEnvoy}`);
  return binary;
}
