import { CHAIN_LIMITS, type StoredChain } from "@catena/ir";
import type { ChainBounds } from "@catena/pipeline";

/** Bounds on everything a chain can make grow: those that a gateway may set. */
export type ChainLimits = ChainBounds;

export const DEFAULT_LIMITS: ChainLimits = {
  steps: CHAIN_LIMITS.maxSteps,
  subDepth: CHAIN_LIMITS.maxSubDepth,
  eachItems: CHAIN_LIMITS.defaultEachItems,
  eachConcurrency: CHAIN_LIMITS.defaultEachConcurrency,
  requestBytes: CHAIN_LIMITS.requestBytes,
  responseBytes: CHAIN_LIMITS.responseBytes,
  mergedBytes: CHAIN_LIMITS.mergedBytes,
  jsonDepth: CHAIN_LIMITS.jsonDepth,
  deadlineMs: CHAIN_LIMITS.defaultDeadlineMs,
  timeoutMs: CHAIN_LIMITS.defaultTimeoutMs,
};

/** The limits of one chain: its own where it sets them. */
export function chainLimits(gateway: ChainLimits, chain: StoredChain): ChainLimits {
  const own = chain.limits;
  if (own === undefined) return gateway;
  return {
    ...gateway,
    requestBytes: own.request_bytes ?? gateway.requestBytes,
    responseBytes: own.response_bytes ?? gateway.responseBytes,
    mergedBytes: own.merged_bytes ?? gateway.mergedBytes,
    jsonDepth: own.json_depth ?? gateway.jsonDepth,
    subDepth: own.sub_depth ?? gateway.subDepth,
  };
}
