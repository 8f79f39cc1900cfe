import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { storeErrors } from "../errors.ts";
import { withoutCredentials } from "../without-credentials.ts";

/** What an `etcd://` URL says, with its files read. */
export interface EtcdTarget {
  /** Without credentials and query. */
  readonly url: string;
  /** Each as `host:port`. */
  readonly endpoints: readonly string[];
  readonly login: EtcdLogin | null;
  readonly tls: EtcdTls | null;
}

export interface EtcdLogin {
  readonly username: string;
  readonly password: string;
}

export interface EtcdTls {
  /** PEM; `null` means the system's roots. */
  readonly ca: Buffer | null;
  readonly cert: Buffer | null;
  readonly key: Buffer | null;
  /** The name the server's certificate must carry, instead of the host. */
  readonly serverName: string | null;
}

const defaultPort = 2379;
const parameters = new Set(["tls", "ca", "cert", "key", "servername"]);

/**
 * Reads `etcd://[user:password@]host[:port][,host[:port]...][?tls=1&ca=FILE&cert=FILE&key=FILE&servername=NAME]`.
 * User and password are percent-encoded; any TLS parameter turns TLS on.
 *
 * @throws STORE_URL_INVALID, STORE_UNUSABLE when a named file cannot be read or TLS cannot work
 */
export function parseEtcdUrl(text: string): EtcdTarget {
  const invalid = () => storeErrors.STORE_URL_INVALID({ url: withoutCredentials(text) });
  const match = /^etcd:\/\/(?:([^/?#]*)@)?([^@/?#]+)\/?(?:\?([^#]*))?$/.exec(text);
  if (match === null) throw invalid();
  const [, userInfo, hosts = "", search = ""] = match;
  const query = new URLSearchParams(search);
  for (const name of query.keys()) if (!parameters.has(name)) throw invalid();
  const endpoints = hosts.split(",").map((host) => parseEndpoint(host));
  if (!endpoints.every((endpoint) => endpoint !== null)) throw invalid();
  const url = `etcd://${endpoints.join(",")}`;
  const login = userInfo === undefined ? null : parseLogin(userInfo);
  if (login === undefined) throw invalid();
  const tls = readTls(url, query);
  if (tls !== null && tls.serverName === null && endpoints.some(isAddress)) {
    // Bun refuses an IP address as TLS server name, so the handshake could only ever fail.
    const reason = "TLS needs host names, or ?servername=NAME when an endpoint is an IP address";
    throw storeErrors.STORE_UNUSABLE({ url, reason });
  }
  return { url, endpoints, login, tls };
}

function parseEndpoint(text: string): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/i.exec(text);
  const [, host = "", port = String(defaultPort)] = match ?? [];
  const number = Number(port);
  return match === null || number < 1 || number > 65_535 ? null : `${host}:${number}`;
}

function parseLogin(userInfo: string): EtcdLogin | undefined {
  const colon = userInfo.indexOf(":");
  if (colon < 1) return undefined;
  try {
    return {
      username: decodeURIComponent(userInfo.slice(0, colon)),
      password: decodeURIComponent(userInfo.slice(colon + 1)),
    };
  } catch {
    return undefined;
  }
}

function readTls(url: string, query: URLSearchParams): EtcdTls | null {
  if ([...query.keys()].length === 0 || query.get("tls") === "0") return null;
  const read = (name: string): Buffer | null => {
    const file = query.get(name);
    if (file === null) return null;
    try {
      return readFileSync(file);
    } catch (error) {
      const reason = `${name}=${file} cannot be read`;
      throw storeErrors.STORE_UNUSABLE({ url, reason }, error);
    }
  };
  const [ca, cert, key] = [read("ca"), read("cert"), read("key")];
  if ((cert === null) !== (key === null) || (cert !== null && ca === null)) {
    const reason = "a client certificate needs all of ca, cert and key";
    throw storeErrors.STORE_UNUSABLE({ url, reason });
  }
  return { ca, cert, key, serverName: query.get("servername") };
}

function isAddress(endpoint: string): boolean {
  return endpoint.startsWith("[") || isIP(endpoint.slice(0, endpoint.lastIndexOf(":"))) !== 0;
}
