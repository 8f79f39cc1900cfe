import type { OnError, StoredItemPolicies, StoredStep } from "../stored-chain.ts";
import { wordValue } from "./word-value.ts";

/** The policies of a step, each in words, those of its items and branches too. */
export function wordPolicies(step: StoredStep): readonly string[] {
  const { when, on_error, cache, coalesce, hedge, breaker, parallel, each, choose } = step;
  return [
    ...(when === undefined ? [] : [`when ${wordValue(when)}`]),
    ...wordItemPolicies(step),
    ...(each === undefined ? [] : wordItemPolicies(each.do)),
    ...(each?.on_error === undefined ? [] : [`an item that fails: ${wordOnError(each.on_error)}`]),
    ...(choose?.branches ?? []).flatMap(wordItemPolicies),
    ...(choose?.otherwise === undefined ? [] : wordItemPolicies(choose.otherwise)),
    ...(on_error === undefined ? [] : [`on error ${wordOnError(on_error)}`]),
    ...(cache === undefined ? [] : [`cache ${cache.ttl} s`]),
    ...(coalesce === undefined ? [] : ["joins equal calls"]),
    ...(hedge === undefined ? [] : [`hedge after ${hedge.after} ms`]),
    ...(breaker === undefined
      ? []
      : [`breaker at ${breaker.failures} failures in ${breaker.window} ms`]),
    ...(parallel === undefined ? [] : ["parallel"]),
  ];
}

function wordItemPolicies(policies: StoredItemPolicies): readonly string[] {
  const { timeout, retry, on_status, max_bytes, validate, idempotency_key } = policies;
  return [
    ...(timeout === undefined ? [] : [`timeout ${timeout} ms`]),
    ...(retry === undefined ? [] : [`${retry.attempts} attempts`]),
    ...Object.entries(on_status ?? {}).map(
      ([status, action]) =>
        `on ${status} ${typeof action === "string" ? action : Object.keys(action)[0]}`,
    ),
    ...(max_bytes === undefined ? [] : [`at most ${max_bytes} bytes`]),
    ...(validate === undefined || validate === "off" ? [] : [`validate: ${validate}`]),
    ...(idempotency_key === undefined ? [] : ["idempotency key"]),
  ];
}

function wordOnError(onError: OnError): string {
  return typeof onError === "string" ? onError : "fallback";
}
