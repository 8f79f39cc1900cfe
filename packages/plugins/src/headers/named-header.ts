import type { RequestContext } from "@catena/pipeline";

/** RFC 9110 §5.6.2 */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * A request header by a name from a client or from configuration, in any case; `null` also for what can
 * be no name, which the runtime would throw for.
 */
export function namedHeader(ctx: RequestContext, name: string): string | null {
  return token.test(name) ? ctx.header(name.toLowerCase()) : null;
}
