import { createHash, timingSafeEqual } from "node:crypto";
import type { AdminKey } from "../admin-options.ts";

/** Who asks, and why they are refused, if they are. */
export interface KeyVerdict {
  readonly role: AdminKey["role"] | null;
  readonly refused: string | null;
}

export type KeyCheck = (request: Request) => KeyVerdict;

/**
 * Checks the key in the argument `api_key` of the query, or in `X-API-KEY`. APISIX also takes it from a
 * cookie; that is not done here: a cookie is sent by pages the user did not mean to trust.
 */
export function createKeyCheck(keys: readonly AdminKey[]): KeyCheck {
  // Digests are of one length, so a comparison tells nothing about the length of a key either.
  const known = keys.map(({ key, role }) => ({ digest: digestOf(key), role }));
  return ({ method, headers, url }) => {
    const given = keyInQuery(url) ?? headers.get("x-api-key");
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

function keyInQuery(url: string): string | null {
  return url.includes("api_key=") ? new URL(url).searchParams.get("api_key") : null;
}

function digestOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
