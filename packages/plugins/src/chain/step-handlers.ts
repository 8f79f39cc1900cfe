import {
  type CompiledChain,
  compileChain,
  createResultCache,
  createSurvivingState,
  createUndoLog,
  startChain,
  type UndoEvent,
  type UndoServices,
} from "@catena/chain";
import type { Checked } from "@catena/errors";
import type { PluginHandlers, PluginServices, RequestContext } from "@catena/pipeline";
import { isJsonObject, type JsonObject } from "@catena/schema";
import { requestMetrics } from "../metrics/request-metrics.ts";
import type { ForwardOutcome } from "./apply-outcome.ts";
import { ChainResult } from "./chain-result.ts";
import { stepConf } from "./chain-schema.ts";
import { type RunTraced, tracedHandlers } from "./chain-tracing.ts";
import { sendElsewhere } from "./send-elsewhere.ts";

/**
 * Makes the handlers of a step chain; what its end does not need is left out.
 *
 * @param chainConf the chain in a plugin's configuration, which is `conf`.
 */
export function stepHandlers(
  chainConf: JsonObject,
  conf: JsonObject,
  services: PluginServices,
): Checked<PluginHandlers> {
  const { value: chain, issues } = compile(chainConf, conf, services);
  if (chain === undefined) return { issues };
  if (chain.end.kind !== "forward") {
    const run: RunTraced = (ctx, trace) => {
      const result = new ChainResult(ctx, services.log);
      startChain(chain, ctx, trace, result);
      return result;
    };
    return { value: tracedHandlers(run, services, chain.serverTiming), issues };
  }
  return { value: forwardHandlers(chain, services), issues };
}

function compile(
  chainConf: JsonObject,
  conf: JsonObject,
  services: PluginServices,
): Checked<CompiledChain> {
  // Of the chain and of those it uses; a chain is asked for before its texts are.
  const secrets = new Set<string>();
  const note = (own: JsonObject): void => {
    for (const text of services.secretTexts?.(own) ?? []) secrets.add(text);
  };
  note(conf);
  const { owner, survivors, targets, records, chainBounds } = services;
  // One cache for all routes, so that its bound is the process's.
  const cache = survivors.get("proxy-chain/cache", "", createResultCache);
  const state = survivors.get("proxy-chain", owner, () => createSurvivingState(owner, cache));
  const undo: UndoServices | null =
    records === undefined
      ? null
      : { log: createUndoLog(records), report: (event) => reportUndo(services, event) };
  return compileChain(chainConf, {
    id: owner.slice(owner.indexOf("/") + 1),
    targets,
    chain: (id) => {
      const other = services.chain(id);
      if (!isJsonObject(other)) return null;
      note(other);
      return stepConf(other) ?? other;
    },
    isSecretText: (text) => secrets.has(text),
    state,
    ...(undo === null ? {} : { undo }),
    ...(chainBounds === undefined ? {} : { limits: chainBounds }),
  });
}

/** A chain that sends the request on learns afterwards whether it was taken. */
function forwardHandlers(chain: CompiledChain, services: PluginServices): PluginHandlers {
  const { log, targets } = services;
  const forwarded = new WeakMap<RequestContext, ForwardOutcome>();
  const run: RunTraced = (ctx, trace) => {
    const result = new ChainResult(ctx, log, forwarded);
    startChain(chain, ctx, trace, result);
    return result;
  };
  const traced = tracedHandlers(run, services, chain.serverTiming);
  return {
    ...traced,
    beforeProxy: (ctx) => {
      const upstreamId = forwarded.get(ctx)?.upstreamId ?? null;
      if (upstreamId === null) return undefined;
      return sendElsewhere(ctx, targets.upstream(upstreamId), log);
    },
    log: (ctx, reply) => {
      traced.log?.(ctx, reply);
      // Never rejects, and nobody waits for it: the client has its answer.
      void forwarded.get(ctx)?.settle?.(reply.status < 400);
    },
  };
}

function reportUndo(services: PluginServices, event: UndoEvent): void {
  const { kind, ...fields } = event;
  requestMetrics(services).noteUndoFailure(event.chain, kind);
  const message =
    kind === "undo-failed"
      ? "steps of a chain could not be undone"
      : "the undo record of a chain could not be written";
  services.log.error(message, { ...fields });
}
