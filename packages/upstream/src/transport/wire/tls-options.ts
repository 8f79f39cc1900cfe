import type { TLSOptions } from "bun";
import type { Origin } from "../transport.ts";

const made = new WeakMap<Origin, TLSOptions>();

/**
 * What `Bun.connect` is told for an origin, once per origin. Without a server name the runtime checks
 * the certificate against the address; an empty one keeps it from sending the address as SNI, which
 * RFC 6066 §3 forbids and some servers refuse.
 */
export function tlsOptions(origin: Origin): TLSOptions | null {
  const { scheme } = origin;
  if (scheme === "http" || scheme === "grpc") return null;
  const known = made.get(origin);
  if (known !== undefined) return known;
  const { tls } = origin;
  const options: TLSOptions = {
    rejectUnauthorized: verifies(origin),
    serverName: tls?.serverName ?? "",
  };
  if (tls?.ca !== undefined) options.ca = tls.ca;
  if (tls?.clientCertificate !== undefined) options.cert = tls.clientCertificate;
  if (tls?.clientKey !== undefined) options.key = tls.clientKey;
  // As it goes over the wire (RFC 7301 §3.1): one name of two bytes.
  if (scheme === "grpcs") options.ALPNProtocols = "\x02h2";
  made.set(origin, options);
  return options;
}

/** Certificates are verified unless the origin says otherwise. */
export function verifies(origin: Origin): boolean {
  return origin.tls?.verify !== false;
}
