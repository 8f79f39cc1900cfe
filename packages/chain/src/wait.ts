import type { CancelReason, CancelScope } from "@catena/upstream";

/** @returns `false` when the wait was ended early because `cancel` came. */
export function sleep(ms: number, cancel: CancelScope): Promise<boolean> {
  if (cancel.reason !== null) return Promise.resolve(false);
  return new Promise((resolve) => {
    const onCancel = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      cancel.offCancel(onCancel);
      resolve(true);
    }, ms);
    cancel.onCancel(onCancel);
  });
}

/** Why a wait for somebody else's work ended without it. */
export type WaitEnd = CancelReason;

/**
 * Waits for a promise that somebody else started, but not beyond `ms` or after `cancel`.
 *
 * @returns the reason when it ended early; the promise goes on without us.
 */
export function waitFor<T>(
  promise: Promise<T>,
  ms: number,
  cancel: CancelScope,
): Promise<{ readonly value: T } | { readonly ended: WaitEnd }> {
  return new Promise((resolve, reject) => {
    const end = (outcome: { readonly value: T } | { readonly ended: WaitEnd }): void => {
      clearTimeout(timer);
      cancel.offCancel(onCancel);
      resolve(outcome);
    };
    const onCancel = (reason: CancelReason): void => end({ ended: reason });
    const timer =
      ms === Number.POSITIVE_INFINITY
        ? undefined
        : setTimeout(() => end({ ended: "deadline" }), Math.max(0, ms));
    cancel.onCancel(onCancel);
    promise.then(
      (value) => end({ value }),
      (error: unknown) => {
        clearTimeout(timer);
        cancel.offCancel(onCancel);
        reject(error);
      },
    );
  });
}
