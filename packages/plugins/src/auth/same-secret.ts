import { timingSafeEqual } from "node:crypto";

/** Whether two secrets are equal, in a time that tells nothing of where they differ. */
export function isSameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(secret: string): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(secret).digest();
}
