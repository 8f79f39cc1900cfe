import { type GatewayReply, type RequestContext, statusReply } from "@catena/pipeline";

/** What a timer can hold: about 24 days. */
const maxDelayMs = 2 ** 31 - 1;

/**
 * Keeps a request waiting.
 *
 * @returns a reply when the wait was ended early, because the client left (499), the deadline came or
 *   the gateway stops (503).
 */
export function pause(ctx: RequestContext, delayMs: number): Promise<GatewayReply | undefined> {
  const { cancel } = ctx;
  if (cancel.reason !== null) return Promise.resolve(endedEarly(ctx));
  return new Promise((resolve) => {
    const onCancel = (): void => {
      clearTimeout(timer);
      resolve(endedEarly(ctx));
    };
    const timer = setTimeout(
      () => {
        cancel.offCancel(onCancel);
        resolve(undefined);
      },
      Math.min(delayMs, maxDelayMs),
    );
    cancel.onCancel(onCancel);
  });
}

function endedEarly(ctx: RequestContext): GatewayReply {
  return statusReply(ctx.cancel.reason === "client-gone" ? 499 : 503);
}
