import { type ChainOutcome, compileClassic, runClassic } from "@catena/chain";
import { isGatewayError } from "@catena/errors";
import type { GatewayReply, PluginHandlers, PluginLog, RequestContext } from "@catena/pipeline";
import { checkClassicChain, classicChainSchema } from "@catena/schema";
import { definePlugin } from "./define-plugin.ts";

/**
 * proxy-chain: calls services one after another and sends what they gave on to the upstream. The
 * plugin proposed to Apache APISIX (pull request 12128, apisix/plugins/proxy-chain.lua), with its
 * flaws repaired as docs/proxy-chain.md lists them.
 */
export const proxyChain = definePlugin({
  name: "proxy-chain",
  priority: 1000,
  schema: classicChainSchema,
  check: (conf) => checkClassicChain(conf),
  create: (conf, services) => {
    const { value: chain, issues } = compileClassic(conf, { targets: services.targets });
    if (chain === undefined) return { issues };
    const handlers: PluginHandlers = {
      access: async (ctx) => finish(ctx, await runClassic(chain, ctx), services.log),
    };
    return { value: handlers, issues };
  },
});

/** Turns the end of a chain into what the pipeline goes on with. */
function finish(
  ctx: RequestContext,
  outcome: ChainOutcome,
  log: PluginLog,
): GatewayReply | undefined {
  if (outcome.kind === "reply") {
    if (isGatewayError(outcome.error)) {
      log.warn("chain failed", {
        route: ctx.routeId,
        request: ctx.id,
        code: outcome.error.code,
        reason: outcome.error.message,
      });
    }
    return {
      status: outcome.status,
      headers: [...outcome.headers],
      body: outcome.body,
      source: "gateway",
    };
  }
  ctx.upstreamBody = outcome.body;
  if (outcome.contentType !== null) ctx.setUpstreamHeader("content-type", outcome.contentType);
  for (let i = 0; i + 1 < outcome.setHeaders.length; i += 2) {
    ctx.setUpstreamHeader(outcome.setHeaders[i] ?? "", outcome.setHeaders[i + 1] ?? "");
  }
  return undefined;
}
