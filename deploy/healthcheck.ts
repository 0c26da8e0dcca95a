// Asks the process of this container whether it is ready, over mTLS as its peers do: `node deploy/healthcheck.ts`. Exit code 0: it is.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { peerNameOf } from "@ordermesh/runtime/tls/peer-name.ts";
import { askHttps, reasonOf } from "../tools/mesh/components/https.ts";

const {
  HOST = "",
  PORT = "8080",
  TLS_CERT_FILE: cert = "",
  TLS_KEY_FILE: key = "",
  TLS_CA_FILE: ca = "",
} = process.env;
const address = HOST === "" || HOST === "0.0.0.0" ? "127.0.0.1" : HOST;

try {
  // The process has the same certificate as its check: nobody else may answer.
  const peer = peerNameOf(new X509Certificate(readFileSync(cert)).subjectAltName);
  const { status, body } = await askHttps({ url: `https://${address}:${PORT}/readyz`, files: { cert, key, ca }, peer });
  process.stdout.write(body);
  process.exitCode = status === 200 ? 0 : 1;
} catch (error) {
  process.stdout.write(`${reasonOf(error)}\n`);
  process.exitCode = 1;
}
