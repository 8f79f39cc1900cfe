import { createHash, timingSafeEqual } from "node:crypto";
import type { AdminKey } from "../admin-options.ts";

/** Who asks, and why they are refused, if they are. */
export interface KeyVerdict {
  readonly role: AdminKey["role"] | null;
  readonly refused: string | null;
}

export type KeyCheck = (method: string, headers: Headers) => KeyVerdict;

/**
 * Checks the key in `X-API-KEY`. APISIX also takes it from the query and from a cookie; neither is
 * done here: URLs end up in logs, and a cookie is sent by pages the user did not mean to trust.
 */
export function createKeyCheck(keys: readonly AdminKey[]): KeyCheck {
  // Digests are of one length, so a comparison tells nothing about the length of a key either.
  const known = keys.map(({ key, role }) => ({ digest: digestOf(key), role }));
  return (method, headers) => {
    const given = headers.get("x-api-key");
    if (given === null) return { role: null, refused: "missing apikey" };
    const digest = digestOf(given);
    let role: AdminKey["role"] | null = null;
    for (const key of known) {
      if (timingSafeEqual(key.digest, digest)) role ??= key.role;
    }
    if (role === null) return { role, refused: "wrong apikey" };
    const mayOnlyRead = role === "viewer" && method !== "GET" && method !== "HEAD";
    return { role, refused: mayOnlyRead ? "invalid method for role viewer" : null };
  };
}

function digestOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
