import { isIP } from "node:net";
import { makeOrigin, type OriginSettings } from "./node.ts";
import type { Origin } from "./transport/transport.ts";

/** Origins kept per upstream; names with many addresses, or clients with many Hosts, come past it. */
const KEPT = 256;

/** The origins of one upstream whose address or server name is only known when a call is made. */
export class OriginBook {
  readonly #settings: OriginSettings;
  readonly #origins = new Map<string, Origin>();

  constructor(settings: OriginSettings) {
    this.#settings = settings;
  }

  /** Origins remembered at the moment. */
  get size(): number {
    return this.#origins.size;
  }

  /**
   * @param hostHeader Host of the call: over TLS, its name is the server name, unless it is an IP
   *   address (nginx's `proxy_ssl_name`).
   */
  find(address: string, port: number, hostHeader: string): Origin {
    const isSecure = this.#settings.tls !== null;
    const key = isSecure ? `${address}#${port}#${hostHeader}` : `${address}#${port}`;
    const known = this.#origins.get(key);
    if (known !== undefined) return known;
    const serverName = isSecure ? serverNameOf(hostHeader) : null;
    const origin = makeOrigin(this.#settings, address, port, serverName);
    // Emptied rather than kept in order of use: it is refilled at the cost of one object a call.
    if (this.#origins.size >= KEPT) this.#origins.clear();
    this.#origins.set(key, origin);
    return origin;
  }
}

function serverNameOf(hostHeader: string): string | null {
  const name = hostHeader.replace(/:\d+$/, "");
  return name === "" || name.startsWith("[") || isIP(name) !== 0 ? null : name;
}
