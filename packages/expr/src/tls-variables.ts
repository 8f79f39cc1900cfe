import type { X509Certificate } from "node:crypto";
import type { RequestView, TlsView } from "./request-view.ts";

type TlsVariable = (view: RequestView) => string | undefined;

/**
 * nginx's variables of a TLS connection and of the certificate that its client showed
 * (ngx_http_ssl_module); missing for a connection in clear text.
 */
export const tlsVariables: readonly (readonly [name: string, read: TlsVariable])[] = [
  ["ssl_protocol", ofTls((tls) => tls.protocol)],
  ["ssl_cipher", ofTls((tls) => tls.cipher)],
  ["ssl_server_name", ofTls((tls) => tls.serverName)],
  ["ssl_session_reused", ofTls((tls) => (tls.isReused ? "r" : "."))],
  ["ssl_client_verify", ofTls((tls) => tls.clientVerify)],
  ["ssl_client_s_dn", ofClient((one) => toRfc2253(one.subject))],
  ["ssl_client_i_dn", ofClient((one) => toRfc2253(one.issuer))],
  ["ssl_client_serial", ofClient((one) => one.serialNumber)],
  ["ssl_client_fingerprint", ofClient((one) => one.fingerprint.replaceAll(":", "").toLowerCase())],
  ["ssl_client_raw_cert", ofClient((one) => one.toString().trimEnd())],
  // Every line but the first begins with a tab, so that it fits into one header of old.
  ["ssl_client_cert", ofClient((one) => one.toString().trimEnd().replaceAll("\n", "\n\t"))],
  ["ssl_client_escaped_cert", ofClient((one) => encodeURIComponent(one.toString()))],
  ["ssl_client_v_start", ofClient((one) => one.validFrom)],
  ["ssl_client_v_end", ofClient((one) => one.validTo)],
  ["ssl_client_v_remain", ofClient((one) => String(daysUntil(new Date(one.validTo))))],
];

function ofTls(read: (tls: TlsView) => string): TlsVariable {
  return ({ tls = null }) => (tls === null ? undefined : read(tls));
}

function ofClient(read: (certificate: X509Certificate) => string): TlsVariable {
  return ({ tls = null }) => {
    const certificate = tls?.clientCertificate ?? null;
    return certificate === null ? undefined : read(certificate);
  };
}

/** RFC 2253: the last part first, parted by commas; values come escaped already, one part a line. */
function toRfc2253(name: string): string {
  return name.split("\n").reverse().join(",");
}

function daysUntil(end: Date): number {
  return Math.max(Math.floor((end.getTime() - Date.now()) / 86_400_000), 0);
}
