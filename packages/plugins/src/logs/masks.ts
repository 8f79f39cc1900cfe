import type { RequestContext } from "@catena/pipeline";

/** Hides parts of a request's body from logs; `null` when it can't be told what to hide. */
export type BodyMask = (text: string) => string | null;

const masks = new WeakMap<RequestContext, BodyMask>();

/** Has the body of a request shown to logs as `mask` leaves it, after what others hide. */
export function maskBody(ctx: RequestContext, mask: BodyMask): void {
  const before = masks.get(ctx);
  masks.set(
    ctx,
    before === undefined
      ? mask
      : (text) => {
          const masked = before(text);
          return masked === null ? null : mask(masked);
        },
  );
}

/**
 * The body as logs may show it. A part of a body that is to be masked is not shown at all: where it
 * was cut, nobody can tell what of it has to be hidden.
 */
export function maskedBody(ctx: RequestContext, text: string, isWhole: boolean): string | null {
  const mask = masks.get(ctx);
  if (mask === undefined) return text;
  return isWhole ? mask(text) : null;
}
