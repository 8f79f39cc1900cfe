import {
  type ChainOutcome,
  compileClassic,
  type OutcomeReceiver,
  startClassic,
} from "@catena/chain";
import type { Checked } from "@catena/errors";
import {
  LaterResult,
  type PluginHandlers,
  type PluginLog,
  type PluginServices,
  type RequestContext,
} from "@catena/pipeline";
import type { JsonObject } from "@catena/schema";
import { applyForward, replyOf } from "./chain/apply-outcome.ts";
import { chainReferences } from "./chain/chain-references.ts";
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
    const result = new ClassicResult(ctx, services.log);
    startClassic(chain, ctx, trace, result);
    return result;
  };
  return { value: tracedHandlers(run, services, false), issues };
}

/** What a classic chain's outcome is to the request it was run for. */
class ClassicResult extends LaterResult implements OutcomeReceiver {
  readonly #ctx: RequestContext;
  readonly #log: PluginLog;

  constructor(ctx: RequestContext, log: PluginLog) {
    super();
    this.#ctx = ctx;
    this.#log = log;
  }

  resolve(outcome: ChainOutcome): void {
    if (outcome.kind === "reply") this.settle(replyOf(this.#ctx, outcome, this.#log));
    else this.settle(applyForward(this.#ctx, outcome));
  }

  reject(error: unknown): void {
    this.fail(error);
  }
}
