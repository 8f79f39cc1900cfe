import type { ChainRequest } from "../chain-request.ts";

/** Names by which a service or a plugin may tell who is asking; custom ones mostly say so. */
const CREDENTIAL =
  /^(?:cookie|from)$|auth|token|key|secret|session|credential|consumer|jwt|user|sig|passw/;

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
  for (const argument of request.query === "" ? [] : request.query.split("&")) {
    const [name = ""] = argument.split("=", 1);
    if (CREDENTIAL.test(name.toLowerCase())) found.push(`?${argument}`);
  }
  if (found.length === 0) return "";
  // Names may come in any order; values of one name keep theirs, as the sort is stable on equal names.
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(found.sort())).digest("base64");
}
