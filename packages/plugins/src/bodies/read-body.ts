import { isGatewayError } from "@catena/errors";
import type { RequestContext } from "@catena/pipeline";

/**
 * The client's body; `null` when it is longer than a plugin reads.
 *
 * @throws REQUEST_BODY_LOST
 */
export async function readBody(ctx: RequestContext, maxBytes: number): Promise<Uint8Array | null> {
  try {
    const bytes = await ctx.bodyBytes(maxBytes);
    // Another plugin, with another limit, may have read it before.
    return bytes.byteLength > maxBytes ? null : bytes;
  } catch (error) {
    if (isGatewayError(error, "REQUEST_TOO_LARGE")) return null;
    throw error;
  }
}
