import { storeErrors } from "./errors.ts";
import type { Transaction } from "./store.ts";

/** What a store accepts in one transaction. */
export interface TransactionLimits {
  readonly maxOperations: number;
  readonly maxBytes: number;
}

/** About ten years; etcd refuses leases above 9,000,000,000 s. */
const maxTtlSeconds = 315_360_000;
/** What an operation or a comparison costs in a message besides its key and value, rounded up. */
const overheadBytes = 32;

/**
 * Refuses what no store can take alike, before anything is sent.
 *
 * @throws STORE_TRANSACTION_INVALID, STORE_TOO_LARGE
 */
export function checkTransaction(
  url: string,
  transaction: Transaction,
  limits: TransactionLimits,
): void {
  const { comparisons, operations } = transaction;
  const count = Math.max(operations.length, comparisons.length);
  if (count > limits.maxOperations) {
    throw storeErrors.STORE_TOO_LARGE({
      url,
      reason: `${count} operations or comparisons, at most ${limits.maxOperations} are possible`,
    });
  }
  const refuse = (reason: string) => storeErrors.STORE_TRANSACTION_INVALID({ url, reason });
  let sizeBytes = 0;
  const checkKey = (key: string) => {
    if (key === "") throw refuse("a key is empty");
    if (!key.isWellFormed()) throw refuse("a key holds half a surrogate pair");
    sizeBytes += Buffer.byteLength(key) + overheadBytes;
  };
  for (const { key, modRevision } of comparisons) {
    checkKey(key);
    // etcd is also asked what the key's revision is, in case the comparison does not hold.
    sizeBytes += Buffer.byteLength(key) + overheadBytes;
    if (!Number.isSafeInteger(modRevision) || modRevision < 0) {
      throw refuse(`"${key}" is compared with ${modRevision}, which is no revision`);
    }
  }
  const seen = new Set<string>();
  for (const operation of operations) {
    const { key } = operation;
    checkKey(key);
    if (seen.has(key)) throw refuse(`"${key}" is named by two operations`);
    seen.add(key);
    if (operation.kind === "delete") continue;
    const { value, ttlSeconds } = operation;
    if (!value.isWellFormed()) throw refuse(`the value of "${key}" holds half a surrogate pair`);
    if (ttlSeconds !== undefined && !isTtl(ttlSeconds)) {
      throw refuse(`"${key}" has a TTL of ${ttlSeconds} s, expected a whole number from 1`);
    }
    sizeBytes += Buffer.byteLength(value);
  }
  if (sizeBytes > limits.maxBytes) {
    throw storeErrors.STORE_TOO_LARGE({
      url,
      reason: `${sizeBytes} bytes in one transaction, at most ${limits.maxBytes} are possible`,
    });
  }
}

function isTtl(seconds: number): boolean {
  return Number.isInteger(seconds) && seconds >= 1 && seconds <= maxTtlSeconds;
}
