import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { compilePattern, type Pattern } from "@catena/expr";
import { isSecretReference, type ResourceOf } from "@catena/schema";

type Ssl = ResourceOf<"ssls">;

export type TlsVersion = "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

/** How clients prove who they are. */
export interface ClientVerification {
  /** PEM of the authorities that sign clients' certificates. */
  readonly ca: string;
  /** Most certificates between a client's and an authority's. */
  readonly depth: number;
  /** `null`: a client without a valid certificate gets no connection. Else requests need one whose path none of these finds. */
  readonly skips: readonly Pattern[] | null;
}

/** An `ssls` item of type `server` that was found good. */
export interface CertificatePlan {
  /** `ssls/1` */
  readonly resource: string;
  readonly names: readonly string[];
  /** One pair, or one per sort of key. */
  readonly certificates: readonly string[];
  readonly keys: readonly string[];
  readonly client: ClientVerification | null;
  readonly oldest: TlsVersion;
  readonly newest: TlsVersion;
  /** When the first of its certificates is valid no longer, in ms of the epoch. */
  readonly expiresAt: number;
  /** What a person should know though it is served. */
  readonly warnings: readonly string[];
}

/** @returns the plan, or why it can't be served; never a part of a key. */
export function planCertificate(
  resource: string,
  ssl: Ssl,
): CertificatePlan | { readonly problem: string } {
  const certificates = [ssl.cert ?? "", ...(ssl.certs ?? [])];
  const keys = [ssl.key ?? "", ...(ssl.keys ?? [])];
  if (certificates.length !== keys.length)
    return { problem: "mismatched number of certs and keys" };
  const warnings: string[] = [];
  let expiresAt = Number.POSITIVE_INFINITY;
  for (const [index, pem] of certificates.entries()) {
    const place = index === 0 ? "" : ` of pair ${index}`;
    const pair = readPair(pem, keys[index] ?? "");
    if (typeof pair === "string") return { problem: pair.replace(/^(cert|key)/, `$1${place}`) };
    expiresAt = Math.min(expiresAt, pair.validToDate.getTime());
    const begins = pair.validFromDate;
    if (begins.getTime() > Date.now()) warnings.push(`cert${place} begins ${begins.toISOString()}`);
  }
  if (expiresAt < Date.now()) warnings.push(`expired ${new Date(expiresAt).toISOString()}`);
  const client = ssl.client === undefined ? null : planClient(ssl.client, warnings);
  if (typeof client === "string") return { problem: client };
  const [oldest, newest] = versionsOf(ssl.ssl_protocols ?? [], warnings);
  const names = ssl.snis ?? (ssl.sni === undefined ? [] : [ssl.sni]);
  return { resource, names, certificates, keys, client, oldest, newest, expiresAt, warnings };
}

function readPair(pem: string, keyPem: string): X509Certificate | string {
  const certificate = readCertificate(pem);
  if (certificate === null) return `cert can't be read: ${whatIs(pem, "a PEM certificate")}`;
  const key = readKey(keyPem);
  if (key === null) return `key can't be read: ${whatIs(keyPem, "a PEM key without a passphrase")}`;
  return certificate.checkPrivateKey(key) ? certificate : "key does not belong to the certificate";
}

function whatIs(text: string, wanted: string): string {
  if (isSecretReference(text)) return "it refers to a secret that was not found";
  return text.startsWith("---") ? `not ${wanted}` : "encrypted with a key that the keyring lacks";
}

function readCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

function readKey(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}

function planClient(
  { ca, depth = 1, skip_mtls_uri_regex: skipped }: NonNullable<Ssl["client"]>,
  warnings: string[],
): ClientVerification | string {
  if (readCertificate(ca) === null) {
    return `client.ca can't be read: ${whatIs(ca, "a PEM certificate")}`;
  }
  if (skipped === undefined) return { ca, depth, skips: null };
  const skips: Pattern[] = [];
  for (const [index, source] of skipped.entries()) {
    const { value, issues } = compilePattern(source);
    if (value !== undefined) skips.push(value);
    // Safe: one that finds nothing lets nobody in.
    else warnings.push(`client.skip_mtls_uri_regex/${index} has no effect: ${issues[0]?.message}`);
  }
  return { ca, depth, skips };
}

const versions = ["TLSv1.1", "TLSv1.2", "TLSv1.3"] as const satisfies readonly TlsVersion[];

/** BoringSSL takes a range: of one with a gap, what is above the gap. */
function versionsOf(
  listed: readonly TlsVersion[],
  warnings: string[],
): readonly [oldest: TlsVersion, newest: TlsVersion] {
  const wanted =
    listed.length === 0 ? versions.slice(1) : versions.filter((one) => listed.includes(one));
  const newest = wanted.at(-1) ?? "TLSv1.3";
  const [lowest = newest] = wanted;
  const hasGap = wanted.length === 2 && lowest === "TLSv1.1" && newest === "TLSv1.3";
  if (hasGap) warnings.push("TLSv1.1 is not offered: TLSv1.2 between it and TLSv1.3 is not listed");
  return [hasGap ? newest : lowest, newest];
}
