/** A short key of texts, and of a body after them; different lists never have the same one. */
export function digest(parts: readonly string[], body: string | Uint8Array | null = null): string {
  const hash = new Bun.CryptoHasher("sha256").update(JSON.stringify(parts));
  if (body !== null) hash.update(body);
  return hash.digest("base64");
}
