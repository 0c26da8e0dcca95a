// What Docker's DNS does for containers, for Node processes without one: `node --import container-names.mjs`. CONTAINER_ADDRESSES
// is JSON, from names to addresses.
import dns from "node:dns";

const addresses = JSON.parse(process.env.CONTAINER_ADDRESSES ?? "{}");
const { lookup } = dns;

dns.lookup = (name, options, callback) => {
  const address = addresses[name];
  if (address === undefined) return lookup(name, options, callback);
  const done = callback ?? options;
  process.nextTick(() => (options?.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4)));
};
