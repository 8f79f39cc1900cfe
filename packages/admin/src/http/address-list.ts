import { BlockList, isIP } from "node:net";

/** Whether an address is on the list. */
export type AddressCheck = (address: string) => boolean;

/**
 * Reads a list of addresses and CIDR blocks, IPv4 and IPv6.
 *
 * @throws Error naming the entry that is neither.
 */
export function createAddressCheck(entries: readonly string[]): AddressCheck {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", bits] = entry.split("/");
    const version = isIP(address);
    const widest = version === 4 ? 32 : 128;
    const prefix = bits === undefined ? widest : Number(bits);
    const isBlock = bits === undefined || /^\d{1,3}$/.test(bits);
    if (version === 0 || !isBlock || prefix > widest) {
      throw new Error(`"${entry}" is neither an IP address nor a CIDR block`);
    }
    list.addSubnet(address, prefix, version === 4 ? "ipv4" : "ipv6");
  }
  return (given) => {
    // A socket that listens on :: reports IPv4 clients in this form (RFC 4291, 2.5.5.2).
    const address = given.startsWith("::ffff:") && given.includes(".") ? given.slice(7) : given;
    const version = isIP(address);
    return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
  };
}
