import { isGatewayError } from "@catena/errors";
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
        ? statusReply(499)
        : messageReply(error.status, { error_msg: error.message });
    }
    if (error.source === "upstream") {
      log.warn("upstream failed", {
        route: ctx.routeId,
        request: ctx.id,
        code: error.code,
        reason: error.message,
      });
      return statusReply(error.status);
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
