import { ChainTrace, serverTiming, ValueRecorder } from "@catena/chain";
import type {
  PhaseResult,
  PluginHandlers,
  PluginServices,
  RequestContext,
  RequestTrace,
  TraceSink,
} from "@catena/pipeline";

/** Steps and items of one request that are kept. */
const MAX_STEPS = 256;

/** Runs a chain for a request; `trace` is `null` where nobody looks. */
export type RunTraced = (ctx: RequestContext, trace: ChainTrace | null) => PromiseLike<PhaseResult>;

/**
 * Makes the handlers of a chain from what runs it. Where neither `Server-Timing` nor a trace is wanted
 * they are as if there were no such thing.
 *
 * @param wantsTiming whether the chain itself asks for `Server-Timing`.
 */
export function tracedHandlers(
  run: RunTraced,
  { traces, serverTiming: isTimed = false }: PluginServices,
  wantsTiming: boolean,
): Pick<PluginHandlers, "access" | "log"> {
  const hasTiming = isTimed || wantsTiming;
  if (traces === undefined && !hasTiming) return { access: (ctx) => run(ctx, null) };
  const begun = new WeakMap<RequestContext, ChainTrace>();
  const access = async (ctx: RequestContext): Promise<PhaseResult> => {
    const trace = begin(ctx, traces);
    begun.set(ctx, trace);
    const startMs = performance.now();
    const reply = await run(ctx, trace);
    if (hasTiming)
      ctx.setReplyHeader("server-timing", serverTiming(trace, startMs, performance.now()));
    return reply;
  };
  if (traces === undefined) return { access };
  return {
    access,
    log: (ctx, reply) => {
      const trace = begun.get(ctx);
      if (trace !== undefined) traces.add(requestTrace(ctx, trace, reply.status));
    },
  };
}

function begin(ctx: RequestContext, traces: TraceSink | undefined): ChainTrace {
  return new ChainTrace({
    maxSteps: MAX_STEPS,
    ...(traces?.withValues === true ? { values: new ValueRecorder(ctx) } : {}),
  });
}

function requestTrace(ctx: RequestContext, trace: ChainTrace, status: number): RequestTrace {
  const endMs = performance.now();
  return {
    request: ctx.id,
    route: ctx.routeId,
    method: ctx.method,
    target: trace.values?.ownTarget() ?? null,
    startedAt: Date.now() - (endMs - ctx.startedAt),
    startMs: ctx.startedAt,
    endMs,
    status,
    steps: trace.steps,
    dropped: trace.dropped,
    warnings: trace.warnings,
  };
}
