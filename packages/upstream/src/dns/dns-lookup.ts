import type { Lookup } from "../resolver.ts";
import { isNoRecord } from "./answer-cache.ts";
import type { AddressRecord, DnsClient } from "./dns-client.ts";

/** An answer of TTL 0 is good for the calls of this moment only, but not asked for by each of them. */
const SHORTEST_MS = 1_000;
/** Nothing is believed longer, so that a mistyped TTL can be mended. */
const LONGEST_MS = 3_600_000;

/** Milliseconds that records are good for: as long as the shortest-lived. */
export function ttlOf(records: readonly AddressRecord[]): number {
  const shortest = Math.min(...records.map((record) => record.ttlSeconds * 1000));
  return Math.min(Math.max(shortest, SHORTEST_MS), LONGEST_MS);
}

/** Addresses of a name: IPv6 only when there is no IPv4 (`dns_resolver` order of APISIX). */
export async function lookUpAddresses(
  client: DnsClient,
  name: string,
): Promise<readonly AddressRecord[]> {
  try {
    const records = await client.resolve4(name);
    if (records.length > 0) return records;
  } catch (error) {
    if (!isNoRecord(error)) throw error;
  }
  return client.resolve6(name);
}

/**
 * Makes a resolver's lookup of a DNS client: answers are used as long as their TTL says, which the
 * system's own lookup does not tell.
 */
export function dnsLookup(client: DnsClient): Lookup {
  return async (name) => {
    const records = await lookUpAddresses(client, name);
    return { addresses: records.map(({ address }) => address), ttlMs: ttlOf(records) };
  };
}
