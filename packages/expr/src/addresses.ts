import type { Checked, Issue } from "@catena/errors";
import ipaddr from "ipaddr.js";

/** Most entries one list of addresses may have. */
const maxAddresses = 10_000;

/** Longest text of an address: IPv6 with an embedded IPv4 part. */
const maxAddressLength = 45;

/** Whether an address is on a list; what is no address is on none. */
export type AddressMatcher = (address: string) => boolean;

/** The networks of one prefix length, as the bits that remain of their addresses. */
interface Networks<K> {
  readonly prefix: number;
  readonly members: Set<K>;
}

/**
 * Compiles a list of IPv4 and IPv6 addresses and networks (`10.0.0.0/8`, `2001:db8::/32`; bits behind
 * the prefix are ignored). A look-up takes one step per distinct prefix length, however long the list
 * is. An IPv4 address that arrives as IPv6 (`::ffff:10.0.0.1`, from a dual-stack listener) counts as
 * IPv4, so that nobody evades a list by the way the socket was opened.
 *
 * @returns issues with paths into the list, worded `invalid ip address: …` like APISIX's.
 */
export function compileAddresses(list: readonly unknown[]): Checked<AddressMatcher> {
  if (list.length > maxAddresses) {
    return { issues: [invalid("", `more than ${maxAddresses} addresses`)] };
  }
  const issues: Issue[] = [];
  const v4 = new Map<number, Set<number>>();
  const v6 = new Map<number, Set<string>>();
  for (const [index, entry] of list.entries()) {
    const network = parseNetwork(entry);
    if (network === null) {
      const shown = typeof entry === "string" ? entry.slice(0, 64) : typeof entry;
      issues.push(invalid(`/${index}`, `invalid ip address: ${shown}`));
    } else if (network.kind === "v4") {
      add(v4, network.prefix, maskV4(network.bits, network.prefix));
    } else {
      add(v6, network.prefix, maskV6(network.parts, network.prefix));
    }
  }
  if (issues.length > 0) return { issues };
  return { value: matcher(longestFirst(v4), longestFirst(v6)), issues };
}

/** `::ffff:10.0.0.1` as `10.0.0.1`; every other address as it is. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** Whether the text is an IPv4 or IPv6 address, without port or brackets. */
export function isAddress(text: string): boolean {
  return parseV4(text) >= 0 || parseV6(text) !== null;
}

function matcher(v4: readonly Networks<number>[], v6: readonly Networks<string>[]): AddressMatcher {
  return (address) => {
    const bits = parseV4(plainAddress(address));
    if (bits >= 0) {
      for (const { prefix, members } of v4) if (members.has(maskV4(bits, prefix))) return true;
      return false;
    }
    if (v6.length === 0) return false;
    const parts = parseV6(address);
    if (parts === null) return false;
    for (const { prefix, members } of v6) if (members.has(maskV6(parts, prefix))) return true;
    return false;
  };
}

type Network =
  | { readonly kind: "v4"; readonly bits: number; readonly prefix: number }
  | { readonly kind: "v6"; readonly parts: readonly number[]; readonly prefix: number };

function parseNetwork(entry: unknown): Network | null {
  if (typeof entry !== "string") return null;
  const slash = entry.indexOf("/");
  const address = slash < 0 ? entry : entry.slice(0, slash);
  const length = slash < 0 ? null : entry.slice(slash + 1);
  if (length !== null && !/^\d{1,3}$/.test(length)) return null;
  const bits = parseV4(address);
  if (bits >= 0) {
    const prefix = length === null ? 32 : Number(length);
    return prefix <= 32 ? { kind: "v4", bits, prefix } : null;
  }
  const parts = parseV6(address);
  const prefix = length === null ? 128 : Number(length);
  return parts !== null && prefix <= 128 ? { kind: "v6", parts, prefix } : null;
}

/** The 32 bits as a non-negative number; -1 when it is not four decimal numbers up to 255. */
function parseV4(text: string): number {
  let bits = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46 /* . */) {
      if (octet < 0 || dots === 3) return -1;
      bits = bits * 256 + octet;
      octet = -1;
      dots++;
      continue;
    }
    const digit = code - 48;
    // A leading zero is octal to some parsers (inet_aton) and decimal to others: it is neither here.
    if (digit < 0 || digit > 9 || octet === 0) return -1;
    octet = octet < 0 ? digit : octet * 10 + digit;
    if (octet > 255) return -1;
  }
  return octet < 0 || dots !== 3 ? -1 : bits * 256 + octet;
}

/** Eight groups of 16 bits; `null` when it is no IPv6 address. */
function parseV6(text: string): readonly number[] | null {
  if (text.length > maxAddressLength || !text.includes(":") || text.includes("%")) return null;
  return ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text).parts : null;
}

function maskV4(bits: number, prefix: number): number {
  return prefix === 0 ? 0 : bits >>> (32 - prefix);
}

function maskV6(parts: readonly number[], prefix: number): string {
  let key = "";
  for (let i = 0, left = prefix; left > 0; i++, left -= 16) {
    // A prefix of 128 bits at most reaches over eight parts at most.
    const part = parts[i] as number;
    key += `${left >= 16 ? part : part >>> (16 - left)}:`;
  }
  return key;
}

function add<K>(networks: Map<number, Set<K>>, prefix: number, key: K): void {
  const members = networks.get(prefix);
  if (members === undefined) networks.set(prefix, new Set([key]));
  else members.add(key);
}

function longestFirst<K>(networks: ReadonlyMap<number, Set<K>>): readonly Networks<K>[] {
  return [...networks].sort(([a], [b]) => b - a).map(([prefix, members]) => ({ prefix, members }));
}

function invalid(path: string, message: string): Issue {
  return {
    path,
    code: "ADDRESS_INVALID",
    message,
    expected: "an IPv4 or IPv6 address, or a network such as 10.0.0.0/8",
  };
}
