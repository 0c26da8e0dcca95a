import { BlockList, isIP } from "node:net";

/** What of a connection tells whether its other end is a proxy of ours. */
export interface Peer {
  readonly remoteAddress?: string | undefined;
  /** Of a TLS socket: the peer has proved its name by a certificate of our authority. */
  readonly authorized?: boolean;
}

/** Whose word about its own client counts (`X-Forwarded-For`, `X-Forwarded-Proto`): anybody can write those headers. */
export interface TrustedProxies {
  isTrusted(peer: Peer): boolean;
  /** The last address of an `X-Forwarded-For` that is no proxy of ours: whom the outermost of them saw. */
  clientOf(forwardedFor: string): string | undefined;
}

/**
 * Trusts peers that came with a certificate (mTLS: only the mesh's Envoy gets in), and these addresses and networks
 * (`10.0.0.0/8`). Throws for a text that is neither.
 */
export function trustedProxies(networks: readonly string[] = []): TrustedProxies {
  const known = new BlockList();
  for (const network of networks) add(known, network);
  const covers = (address: string) => isIP(address) !== 0 && known.check(address, familyOf(address));

  return {
    isTrusted: ({ authorized, remoteAddress }) =>
      authorized === true || (remoteAddress !== undefined && covers(remoteAddress)),
    clientOf(forwardedFor) {
      let client: string | undefined;
      for (const entry of forwardedFor.split(",").reverse()) {
        const address = entry.trim();
        // Whatever stands before a word that is no address was not written by a proxy of ours.
        if (isIP(address) === 0) return client;
        client = address;
        if (!covers(address)) return client;
      }
      return client;
    },
  };
}

/** The networks of an option's text, separated by commas. Throws for one that is none. */
export function parseNetworks(text: string): readonly string[] {
  const networks = text.split(",").map((network) => network.trim());
  trustedProxies(networks);
  return networks;
}

function add(list: BlockList, network: string): void {
  const [address = "", prefix] = network.split("/", 2);
  const bits = isIP(address) === 6 ? 128 : 32;
  const length = prefix === undefined ? bits : Number(/^\d{1,3}$/.exec(prefix)?.[0] ?? Number.NaN);
  if (isIP(address) === 0 || !(length <= bits)) throw new Error("one of them is no address or network");
  list.addSubnet(address, length, familyOf(address));
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}
