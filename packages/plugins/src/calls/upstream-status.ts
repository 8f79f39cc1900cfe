import type { GatewayReply, RequestContext } from "@catena/pipeline";

/**
 * What the upstream answered, or the status that stands for its failure; `null` when the request did
 * not get that far. Failures are known to those who had the tries noted.
 */
export function upstreamStatus(ctx: RequestContext, reply: GatewayReply): number | null {
  const last = ctx.sending?.tries?.at(-1);
  if (last !== undefined) return last.status;
  return reply.source === "upstream" ? reply.status : null;
}
