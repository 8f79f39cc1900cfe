/**
 * The id that apisix-ingress-controller gives an object: CRC-32 (IEEE) of its name in lower-case
 * hexadecimal, without leading zeros (its `pkg/id`).
 */
export function objectId(name: string): string {
  return Bun.hash.crc32(name).toString(16);
}
