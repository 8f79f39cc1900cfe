import { isGatewayError } from "@catena/errors";
import { type GatewayReply, type RequestContext, statusReply } from "@catena/pipeline";
import { Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";

const schema = Type.Object({
  max_body_size: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: "bytes a request's body may have; 0 sets no limit",
    }),
  ),
});

/**
 * client-control: limits the bodies of requests (apisix/plugins/client-control.lua). A body of unknown
 * length is read before the request goes on, so that none that is too long begins to be forwarded.
 */
export const clientControl = definePlugin({
  name: "client-control",
  priority: 22000,
  schema,
  create: ({ max_body_size: limitBytes = 0 }) => ({
    value: limitBytes === 0 ? {} : { rewrite: (ctx) => hold(ctx, limitBytes) },
    issues: [],
  }),
});

function hold(
  ctx: RequestContext,
  limitBytes: number,
): GatewayReply | undefined | Promise<GatewayReply | undefined> {
  if (!ctx.hasBody) return undefined;
  const declared = ctx.header("content-length");
  if (declared === null) return readWithin(ctx, limitBytes);
  return Number(declared) > limitBytes ? statusReply(413) : undefined;
}

async function readWithin(
  ctx: RequestContext,
  limitBytes: number,
): Promise<GatewayReply | undefined> {
  try {
    await ctx.bodyBytes(limitBytes);
    return undefined;
  } catch (error) {
    if (isGatewayError(error, "REQUEST_TOO_LARGE")) return statusReply(413);
    throw error;
  }
}
