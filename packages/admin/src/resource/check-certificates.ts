import { createPrivateKey, X509Certificate } from "node:crypto";
import { type FieldCipher, isJsonObject, isSecretReference } from "@catena/schema";

/**
 * Reads the certificates and private keys of an ssl document that has passed its schema
 * (apisix/ssl.lua, check_ssl_conf). Whether a key belongs to its certificate is not looked at, as in
 * APISIX; references to secrets are not followed.
 *
 * @returns the first finding in APISIX's words, or `null`
 */
export function checkCertificates(document: unknown, cipher: FieldCipher): string | null {
  // A key that was read from the store and comes back in a PATCH is still encrypted.
  const ssl = isJsonObject(document) ? cipher.decryptAll("ssls", document) : {};
  const pair = checkPair(ssl["cert"], ssl["key"]);
  if (pair !== null || ssl["type"] === "client") return pair;
  const [certs, keys] = [toList(ssl["certs"]), toList(ssl["keys"])];
  if (certs.length !== keys.length) return "mismatched number of certs and keys";
  for (const [index, cert] of certs.entries()) {
    const more = checkPair(cert, keys[index]);
    if (more !== null) return `failed to handle cert-key pair[${index + 1}]: ${more}`;
  }
  const client = ssl["client"];
  const ca = isJsonObject(client) ? checkCertificate(client["ca"]) : null;
  return ca === null ? null : `failed to validate client_cert: ${ca}`;
}

function checkPair(cert: unknown, key: unknown): string | null {
  return checkCertificate(cert) ?? checkKey(key);
}

function checkCertificate(cert: unknown): string | null {
  if (typeof cert !== "string" || isSecretReference(cert)) return null;
  const canRead = isReadable(() => new X509Certificate(cert));
  return canRead ? null : "failed to parse cert: PEM_read_bio_X509_AUX() failed";
}

function checkKey(key: unknown): string | null {
  if (typeof key !== "string" || isSecretReference(key)) return null;
  if (!key.startsWith("---")) return "failed to decrypt previous encrypted key";
  const canRead = isReadable(() => createPrivateKey(key));
  return canRead ? null : "failed to parse key: PEM_read_bio_PrivateKey() failed";
}

function isReadable(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

function toList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
