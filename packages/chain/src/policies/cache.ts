import { isGatewayError } from "@catena/errors";
import { canonicalJson, type StoredPolicies, type StoredStep } from "@catena/ir";
import { CancelScope } from "@catena/upstream";
import type { CompileContext } from "../compile-context.ts";
import { isServiceFault, wrapValueFault } from "../failure.ts";
import type { Action, StepRun } from "../run-context.ts";
import type { StepResult } from "../step-result.ts";
import { ComputedAction, perform } from "../steps/computed-action.ts";
import type { CompiledValue } from "../values/compiled-value.ts";
import { type Prepare, prepareAll } from "../values/value-context.ts";
import { digest } from "./digest.ts";
import type { CachedResult, ResultCache } from "./result-cache.ts";

interface CachePolicy {
  readonly place: readonly string[];
  readonly values: readonly CompiledValue[];
  readonly prepares: readonly Prepare[];
  readonly isShared: boolean;
  readonly freshMs: number;
  /** After that, still given out while it is called again. */
  readonly revalidateMs: number;
  /** After that, still given out when the service fails. */
  readonly ifErrorMs: number;
}

/**
 * Remembers what a step was answered with. Only real results are remembered, no stand-ins; unless
 * the chain says otherwise, only for the client whose request it was.
 *
 * @param retake makes a result from a remembered response where its body was not looked into before.
 */
export function withCache(
  action: Action,
  step: StoredStep,
  stored: NonNullable<StoredPolicies["cache"]>,
  path: string,
  context: CompileContext,
  retake: (result: StepResult, run: StepRun) => Promise<StepResult>,
): Action {
  const policy = compilePolicy(step, stored, path, context);
  const { cache } = context.state;
  return new ComputedAction(async (run) => {
    const key = await keyOf(policy, run);
    const nowMs = run.context.clock.monotonicMs();
    const found = cache.get(key);
    const ageMs = found === undefined ? Number.POSITIVE_INFINITY : nowMs - found.storedAtMs;
    if (found !== undefined && ageMs < policy.freshMs) {
      note(run, "cached");
      return await retake(found.result, run);
    }
    if (found !== undefined && ageMs < policy.freshMs + policy.revalidateMs) {
      note(run, "stale");
      refresh(action, cache, key, run);
      return await retake(found.result, run);
    }
    try {
      return remember(cache, key, await perform(action, run), run);
    } catch (error) {
      if (found === undefined || !mayStandIn(policy, found, error, ageMs)) throw error;
      note(run, "stale");
      return await retake(found.result, run);
    }
  });
}

function compilePolicy(
  step: StoredStep,
  stored: NonNullable<StoredPolicies["cache"]>,
  path: string,
  { values, chainId, state }: CompileContext,
): CachePolicy {
  const keys = stored.key.map((part, i) => values.compile(part, `${path}/cache/key/${i}`));
  return {
    // What was remembered for another call must not be found after the step was changed.
    place: [state.owner, chainId, step.name, canonicalJson(step)],
    values: keys,
    prepares: values.takePrepares(),
    isShared: stored.shared === true,
    freshMs: stored.ttl * 1000,
    revalidateMs: (stored.stale_while_revalidate ?? 0) * 1000,
    ifErrorMs: (stored.stale_if_error ?? 0) * 1000,
  };
}

async function keyOf(policy: CachePolicy, run: StepRun): Promise<string> {
  try {
    if (policy.prepares.length > 0) await prepareAll(policy.prepares, run.scope);
    const parts = policy.values.map((value) => value.json(run.scope) ?? "");
    const whose = policy.isShared ? "" : run.context.identity();
    return digest([...policy.place, whose, ...parts]);
  } catch (error) {
    throw wrapValueFault(error, run.label, "the key");
  }
}

function mayStandIn(
  policy: CachePolicy,
  found: CachedResult,
  error: unknown,
  ageMs: number,
): boolean {
  return (
    found.result.state === "done" &&
    ageMs < policy.freshMs + policy.ifErrorMs &&
    isGatewayError(error) &&
    (isServiceFault(error) || error.code === "CHAIN_BREAKER_OPEN")
  );
}

function remember(cache: ResultCache, key: string, result: StepResult, run: StepRun): StepResult {
  if (result.state === "done") cache.set(key, result, run.context.clock.monotonicMs());
  return result;
}

/** Calls again for those who come later; bounded by the timeouts of the call itself. */
function refresh(action: Action, cache: ResultCache, key: string, run: StepRun): void {
  if (cache.refreshing.has(key)) return;
  cache.refreshing.add(key);
  const own = run.under(new CancelScope(), Number.POSITIVE_INFINITY, null);
  perform(action, own)
    .then((result) => remember(cache, key, result, run))
    // Whoever comes after the stale time is over gets to know.
    .catch(() => undefined)
    .finally(() => cache.refreshing.delete(key));
}

function note(run: StepRun, reason: string): void {
  if (run.trace !== null) run.trace.reason = reason;
}
