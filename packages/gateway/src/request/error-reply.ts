import { type GatewayError, isGatewayError } from "@catena/errors";
import {
  type GatewayReply,
  messageReply,
  type RequestContext,
  statusReply,
} from "@catena/pipeline";
import type { Log } from "../log.ts";

/**
 * The only place that turns an error into an answer. A client's own fault is explained to it; an
 * upstream's gets nginx's page for the status, as APISIX answers; what is our fault says nothing but
 * the status, and is logged with everything.
 */
export function errorReply(error: unknown, ctx: RequestContext, log: Log): GatewayReply {
  if (isGatewayError(error)) {
    if (error.source === "downstream") {
      return error.status === 499
        ? statusReply(statusOf(error, ctx))
        : messageReply(error.status, { error_msg: error.message });
    }
    if (error.source === "upstream") {
      log.warn("upstream failed", {
        route: ctx.routeId,
        request: ctx.id,
        code: error.code,
        reason: error.message,
      });
      return statusReply(statusOf(error, ctx));
    }
  }
  log.error("request failed", {
    route: ctx.routeId,
    request: ctx.id,
    reason: error instanceof Error ? error.message : String(error),
    stack: error instanceof Error ? error.stack : undefined,
  });
  return statusReply(500);
}

/** A request that we give up because we stop is not its client's doing, which may ask another gateway. */
export function statusOf(error: GatewayError, ctx: RequestContext): number {
  return error.status === 499 && ctx.cancel.reason === "shutdown" ? 503 : error.status;
}
