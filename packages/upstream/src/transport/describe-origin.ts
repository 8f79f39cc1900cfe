import type { Origin } from "./transport.ts";

/** `http://10.0.0.1:8080`, for error messages; never holds credentials or TLS material. */
export function describeOrigin(origin: Origin): string {
  const host = origin.address.includes(":") ? `[${origin.address}]` : origin.address;
  return `${origin.scheme}://${host}:${origin.port}`;
}
