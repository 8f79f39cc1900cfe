import type { ChainRequest } from "../chain-request.ts";

/** Headers by which a service or a plugin tells who is asking; custom ones are told by their name. */
const CREDENTIAL =
  /^(?:authorization|proxy-authorization|cookie|from)$|auth|token|key|secret|session|credential|consumer|jwt|user/;

/**
 * A digest of everything in a request that may say whose it is: two requests with the same one sent
 * the same credentials. Too fine is safe, too coarse would give one client another's data.
 */
export function clientIdentity(request: ChainRequest): string {
  const list = request.headerList();
  const found: string[] = [];
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = (list[i] ?? "").toLowerCase();
    if (CREDENTIAL.test(name)) found.push(`${name}\n${list[i + 1]}`);
  }
  if (found.length === 0) return "";
  // Names may come in any order; values of one name keep theirs, as the sort is stable on equal names.
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(found.sort())).digest("base64");
}
