export type { ChainOutcome, ChainRequest, ChainTarget } from "./chain-request.ts";
export type { ClassicServiceConf, ProxyChainClassic } from "./classic/classic-conf.ts";
export {
  type ClassicChain,
  type ClassicOptions,
  type ClassicService,
  compileClassic,
} from "./classic/compile-classic.ts";
export { type OutcomeReceiver, runClassic, startClassic } from "./classic/run-classic.ts";
export type { ChainClock } from "./clock.ts";
export { type ChainServices, compileChain } from "./compile-chain.ts";
export type { CompiledChain } from "./compiled-chain.ts";
export { chainErrors } from "./errors.ts";
export { type ChainLimits, DEFAULT_LIMITS } from "./limits.ts";
export { runChain, startChain } from "./run/run-chain.ts";
export { sweepUndo, type UndoSweep } from "./saga/sweep-undo.ts";
export {
  createUndoLog,
  recordsIn,
  UNDO_PREFIX,
  type UndoLog,
  type UndoRecords,
} from "./saga/undo-log.ts";
export type { RecordedCall, UndoEntry, UndoRecord, UndoState } from "./saga/undo-record.ts";
export type { UndoEvent, UndoServices } from "./saga/undo-services.ts";
export {
  dropUndo,
  listUndo,
  retryUndo,
  type UndoRetryServices,
  type UndoStepSummary,
  type UndoSummary,
  undoErrors,
} from "./saga/work-off.ts";
export {
  createResultCache,
  createSurvivingState,
  type SurvivingState,
} from "./surviving-state.ts";
export { type CallValues, type ValueBounds, ValueRecorder } from "./trace/call-values.ts";
export { replyMask } from "./trace/reply-mask.ts";
export { isSecretName } from "./trace/secret-names.ts";
export { serverTiming } from "./trace/server-timing.ts";
export { ChainTrace, type StepOutcome, type StepTrace, type TraceOptions } from "./trace.ts";
