import { bodyVariables as anyBodyVariables, type FurtherVariables } from "@catena/expr";
import type { RequestContext } from "@catena/pipeline";

/** Longest body that is read for variables, in bytes (APISIX's `max_post_args_readable_size`). */
const maxBodyBytes = 64 * 1024 * 1024;

/** Variables of the request's body; `onUse` hears that it has to be read before they are asked for. */
export function bodyVariables(onUse: () => void): FurtherVariables {
  return (name) => {
    const variable = anyBodyVariables(name);
    if (variable !== undefined) onUse();
    return variable;
  };
}

/**
 * Reads the body for variables; what can't be read leaves them without a value.
 *
 * @throws REQUEST_TOO_LARGE, REQUEST_BODY_LOST
 */
export async function readForVariables(ctx: RequestContext): Promise<void> {
  if (ctx.knownBody !== null || !ctx.hasBody) return;
  ctx.knownBody = new TextDecoder().decode(await ctx.bodyBytes(maxBodyBytes));
}
