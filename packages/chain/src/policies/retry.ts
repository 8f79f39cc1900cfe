import type { GatewayError } from "@catena/errors";
import type { StoredItemPolicies } from "@catena/ir";
import { isTimeout } from "../failure.ts";

/** When and how often a call is sent again. */
export interface Retry {
  /** In all, the first included. */
  readonly attempts: number;
  readonly onStatus: ReadonlySet<number>;
  readonly onNetwork: boolean;
  readonly onTimeout: boolean;
  readonly baseMs: number;
  readonly maxMs: number;
}

const DEFAULT_ON: readonly (number | "network" | "timeout")[] = [
  "network",
  "timeout",
  502,
  503,
  504,
];
const DEFAULT_BASE_MS = 50;
const DEFAULT_MAX_MS = 1000;

const NEVER: Retry = {
  attempts: 1,
  onStatus: new Set(),
  onNetwork: false,
  onTimeout: false,
  baseMs: 0,
  maxMs: 0,
};

export function compileRetry(stored: StoredItemPolicies["retry"]): Retry {
  if (stored === undefined || stored.attempts <= 1) return NEVER;
  const on = stored.on ?? DEFAULT_ON;
  return {
    attempts: stored.attempts,
    onStatus: new Set(on.filter((what) => typeof what === "number")),
    onNetwork: on.includes("network"),
    onTimeout: on.includes("timeout"),
    baseMs: stored.backoff?.base ?? DEFAULT_BASE_MS,
    maxMs: stored.backoff?.max ?? DEFAULT_MAX_MS,
  };
}

/** Whether `error` is of a kind the policy repeats; whether repeating is safe is another question. */
export function repeatsError(retry: Retry, error: GatewayError): boolean {
  if (!error.retryable && error.code !== "UPSTREAM_DEADLINE") return false;
  return isTimeout(error) ? retry.onTimeout : retry.onNetwork;
}

/**
 * Milliseconds to wait before attempt `next` (2, 3, …): exponential with full jitter, so that clients
 * that failed together do not come back together.
 */
export function backoffMs(retry: Retry, next: number, random: () => number): number {
  return random() * Math.min(retry.maxMs, retry.baseMs * 2 ** (next - 2));
}
