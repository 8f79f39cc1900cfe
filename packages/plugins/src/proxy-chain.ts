import { compileClassic, startClassic } from "@catena/chain";
import type { Checked } from "@catena/errors";
import type { PluginHandlers, PluginServices } from "@catena/pipeline";
import type { JsonObject } from "@catena/schema";
import { chainReferences } from "./chain/chain-references.ts";
import { ChainResult } from "./chain/chain-result.ts";
import { chainSchema, checkChainConf, classicConf, stepConf } from "./chain/chain-schema.ts";
import { type RunTraced, tracedHandlers } from "./chain/chain-tracing.ts";
import { stepHandlers } from "./chain/step-handlers.ts";
import { definePlugin } from "./define-plugin.ts";

/**
 * proxy-chain: calls services and answers the client, or sends the request on, with what they gave.
 * With `services` it is the plugin proposed to Apache APISIX (pull request 12128,
 * apisix/plugins/proxy-chain.lua), with its flaws repaired as docs/proxy-chain.md lists them; with
 * `steps` it is a step chain.
 */
export const proxyChain = definePlugin({
  name: "proxy-chain",
  priority: 1000,
  schema: chainSchema,
  check: checkChainConf,
  references: chainReferences,
  create: (conf, services) => {
    const steps = stepConf(conf);
    return steps === null ? classicHandlers(conf, services) : stepHandlers(steps, conf, services);
  },
});

function classicHandlers(conf: JsonObject, services: PluginServices): Checked<PluginHandlers> {
  const { value: chain, issues } = compileClassic(classicConf(conf), {
    targets: services.targets,
    ...(services.chainBounds === undefined ? {} : { limits: services.chainBounds }),
  });
  if (chain === undefined) return { issues };
  const run: RunTraced = (ctx, trace) => {
    const result = new ChainResult(ctx, services.log);
    startClassic(chain, ctx, trace, result);
    return result;
  };
  return { value: tracedHandlers(run, services, false), issues };
}
