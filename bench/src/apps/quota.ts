import { clientKey } from "../scenario.ts";

/** A fixed-window counter per consumer, as `limit-count` with the local policy. */
export interface Quota {
  /** @returns what to answer with when refused, `null` to go on; headers for the reply either way. */
  take(key: string | null): { readonly refuse: 401 | 429 | null; readonly headers: QuotaHeaders };
}

export type QuotaHeaders = Readonly<Record<string, string>>;

/** So large that no run reaches it: what is measured is counting, not refusing. */
export const quotaLimit = 1_000_000_000;
export const quotaWindowSeconds = 3600;

export function createQuota(): Quota {
  const consumers = new Map([[clientKey.value, clientKey.consumer]]);
  const windows = new Map<string, { count: number; endsAt: number }>();
  return {
    take: (key) => {
      const consumer = key === null ? undefined : consumers.get(key);
      if (consumer === undefined) return { refuse: 401, headers: {} };
      const now = Date.now();
      let window = windows.get(consumer);
      if (window === undefined || window.endsAt <= now) {
        window = { count: 0, endsAt: now + quotaWindowSeconds * 1000 };
        windows.set(consumer, window);
      }
      window.count += 1;
      const headers = {
        "X-RateLimit-Limit": String(quotaLimit),
        "X-RateLimit-Remaining": String(Math.max(0, quotaLimit - window.count)),
        "X-RateLimit-Reset": String(Math.ceil((window.endsAt - now) / 1000)),
      };
      return { refuse: window.count > quotaLimit ? 429 : null, headers };
    },
  };
}
