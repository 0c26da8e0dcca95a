import { constants } from "node:crypto";
import { checkServerIdentity, type PeerCertificate, type SecureContextOptions } from "node:tls";
import type { TlsIdentity } from "./identity.ts";
import { peerNameOf } from "./peer-name.ts";

/** What both sides of a connection use, as of now: to be asked for anew for every connection. */
export function secureOptions({ current }: TlsIdentity): SecureContextOptions {
  return {
    cert: current.cert,
    key: current.key,
    ca: current.ca,
    minVersion: "TLSv1.2",
    // A resumed session would be one with a certificate that nobody looked at again, after a rotation or an expiry.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

/** How a connection to a server shows who we are and checks who that is. */
export interface ClientTls {
  readonly identity: TlsIdentity;
  /** The server's name (`tls/peer-name.ts`); undefined: its certificate must be for the host that is called. */
  readonly peer?: string;
}

/** Options of `tls.connect` for one connection. */
export function clientOptions({ identity, peer }: ClientTls) {
  return {
    ...secureOptions(identity),
    checkServerIdentity: (host: string, certificate: PeerCertificate): Error | undefined => {
      if (peer === undefined) return checkServerIdentity(host, certificate);
      const name = peerNameOf(certificate.subjectaltname);
      return name === peer ? undefined : new Error(`the server is ${name ?? "nobody of the mesh"}, not ${peer}`);
    },
  };
}
