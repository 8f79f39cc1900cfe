import { defineErrors } from "@catena/errors";

export interface ListenAddress {
  readonly hostname: string;
  readonly port: number;
}

export const listenErrors = defineErrors({
  LISTEN_FAILED: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { address: string; setting: string; reason: string }) =>
      `cannot listen on ${p.address}: ${p.reason}; set ${p.setting} to another host:port`,
  },
});

/** Splits a checked `host:port`; IPv6 in brackets. */
export function parseListen(address: string): ListenAddress {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon);
  return {
    hostname: host.startsWith("[") ? host.slice(1, -1) : host,
    port: Number(address.slice(colon + 1)),
  };
}

/** The URL a person on this machine would use. */
export function displayUrl(address: ListenAddress): string {
  const host =
    address.hostname === "0.0.0.0" || address.hostname === "::" ? "127.0.0.1" : address.hostname;
  return `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}
