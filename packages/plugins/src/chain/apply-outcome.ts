import type { ChainOutcome } from "@catena/chain";
import { isGatewayError } from "@catena/errors";
import type { GatewayReply, PluginLog, RequestContext } from "@catena/pipeline";

export type ForwardOutcome = Extract<ChainOutcome, { readonly kind: "forward" }>;
export type ReplyOutcome = Extract<ChainOutcome, { readonly kind: "reply" }>;

/** The client's answer; a chain that failed is logged with what the client is not told. */
export function replyOf(ctx: RequestContext, outcome: ReplyOutcome, log: PluginLog): GatewayReply {
  const { status, headers, body, error } = outcome;
  if (error !== undefined) {
    const { code, message, cause, source } = error;
    const fields = {
      route: ctx.routeId,
      request: ctx.id,
      code,
      reason: message,
      ...(isGatewayError(cause) ? { cause: cause.message } : {}),
    };
    if (source === "internal") {
      const stack = cause instanceof Error ? cause.stack : undefined;
      log.error("chain failed", { ...fields, stack });
    } else log.warn("chain failed", fields);
  }
  return { status, headers: [...headers], body, source: "gateway" };
}

/** Makes the request that goes on to the upstream the one the chain ended with. */
export function applyForward(ctx: RequestContext, outcome: ForwardOutcome): undefined {
  const { body, contentType, setHeaders, deadlineAt } = outcome;
  ctx.upstreamBody = body;
  if (contentType !== null) ctx.setUpstreamHeader("content-type", contentType);
  for (let i = 0; i + 1 < setHeaders.length; i += 2) {
    ctx.setUpstreamHeader(setHeaders[i] ?? "", setHeaders[i + 1] ?? "");
  }
  if (deadlineAt !== undefined) ctx.deadlineAt = Math.min(ctx.deadlineAt, deadlineAt);
  return undefined;
}
