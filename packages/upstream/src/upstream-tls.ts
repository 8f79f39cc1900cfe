import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { Issue } from "@catena/errors";
import type { Upstream } from "@catena/schema";
import type { OriginTls } from "./transport/transport.ts";

/** TLS settings of the whole gateway. */
export interface TlsDefaults {
  /** Whether certificates of upstreams are verified that do not say so themselves. Default `true`. */
  readonly verify?: boolean;
  /** Authorities, in PEM, in place of the system's. */
  readonly ca?: string;
}

/** A certificate chain and its key, in PEM. */
export interface ClientCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** What `https` upstreams are compiled with. */
export interface TlsServices {
  readonly tls?: TlsDefaults;
  /** Certificate of an `ssls` resource of type `client`; `null` when there is none of that id. */
  readonly clientCertificate?: (sslId: string) => ClientCertificate | null;
}

export type UpstreamTls = Omit<OriginTls, "serverName">;

/**
 * Compiles the `tls` of an upstream over `https`. APISIX never verifies the certificates of HTTP
 * upstreams; here they are, unless the upstream or the gateway's settings say otherwise.
 *
 * @param issues gets what is wrong with the client certificate: the runtime would only say that the
 *   socket failed to open.
 */
export function compileTls(
  upstream: Upstream,
  services: TlsServices,
  issues: Issue[],
): UpstreamTls {
  const { tls = {} } = upstream;
  const client = findClient(tls, services, issues);
  const { ca } = services.tls ?? {};
  return {
    verify: tls.verify ?? services.tls?.verify ?? true,
    ...(ca === undefined ? {} : { ca }),
    ...(client === null ? {} : { clientCertificate: client.certificate, clientKey: client.key }),
  };
}

/** What tells apart the connections of upstreams with different TLS settings. */
export function tlsPoolKey(tls: UpstreamTls): string {
  const client = `${tls.clientCertificate ?? ""}${tls.clientKey ?? ""}`;
  return `${tls.verify ? "v" : "n"}${client === "" ? "" : Bun.hash(client).toString(36)}`;
}

function findClient(
  tls: NonNullable<Upstream["tls"]>,
  services: TlsServices,
  issues: Issue[],
): ClientCertificate | null {
  const { client_cert, client_key, client_cert_id } = tls;
  if (client_cert_id !== undefined) {
    const found = services.clientCertificate?.(String(client_cert_id)) ?? null;
    if (found !== null) return checkPair(found, "/tls/client_cert_id", issues);
    issues.push({
      path: "/tls/client_cert_id",
      code: "UPSTREAM_CLIENT_CERTIFICATE",
      message: `there is no certificate of type client with the id "${client_cert_id}"`,
    });
    return null;
  }
  if (client_cert === undefined || client_key === undefined) return null;
  return checkPair({ certificate: client_cert, key: client_key }, "/tls/client_cert", issues);
}

function checkPair(pair: ClientCertificate, path: string, issues: Issue[]): ClientCertificate {
  const message = faultOf(pair);
  if (message !== null) issues.push({ path, code: "UPSTREAM_CLIENT_CERTIFICATE", message });
  return pair;
}

/** The texts are ours: those of the library may quote the key. */
function faultOf({ certificate, key }: ClientCertificate): string | null {
  let parsed: X509Certificate;
  let secret: KeyObject;
  try {
    parsed = new X509Certificate(certificate);
  } catch {
    return "the client certificate is not a certificate in PEM";
  }
  try {
    secret = createPrivateKey(key);
  } catch {
    return "the client's key is not a private key in PEM without a passphrase";
  }
  return parsed.checkPrivateKey(secret) ? null : "the client's key is not that of its certificate";
}
