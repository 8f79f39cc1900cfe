export { canonicalJson } from "./canonical.ts";
export {
  CHAIN_LIMITS,
  INPUT_PARTS,
  isSafeMethod,
  RESERVED_STEP_NAMES,
  STEP_NAME,
} from "./chain-limits.ts";
export { pathParameters } from "./check/call-path.ts";
export { checkChain } from "./check/check-chain.ts";
export { irErrors } from "./errors.ts";
export {
  type ExplainedCall,
  type ExplainedChain,
  type ExplainedEnd,
  type ExplainedStep,
  explainChain,
  explainPlan,
} from "./explain/explain-chain.ts";
export { explainMermaid } from "./explain/explain-mermaid.ts";
export { explainText } from "./explain/explain-text.ts";
export { isEqualJson } from "./operators/compare.ts";
export { holds } from "./operators/logic.ts";
export type {
  Operator,
  OperatorEnv,
  OperatorParam,
  OperatorResponse,
  ParamKind,
  ResultKind,
} from "./operators/operator.ts";
export { MAX_ITEMS } from "./operators/operator.ts";
export { operators } from "./operators/registry.ts";
export { type EndlessUse, findEndlessUse } from "./plan/endless-use.ts";
export {
  type ChainPlan,
  type PlannedStep,
  planChain,
  planChecked,
  type Wait,
  type WaitReason,
} from "./plan/plan-chain.ts";
export { collectHeads, valuesOfCall } from "./plan/values-of.ts";
export { chainJsonSchema, StoredChainSchema } from "./schema/stored-chain-schema.ts";
export { callsOf, isSafeStep, STEP_KINDS, type StepKind, stepKind } from "./step-kind.ts";
export type {
  JsonSchema,
  OnError,
  StoredAction,
  StoredCall,
  StoredChain,
  StoredChoose,
  StoredEach,
  StoredExit,
  StoredForward,
  StoredItemPolicies,
  StoredLiteral,
  StoredOperation,
  StoredPolicies,
  StoredReference,
  StoredReply,
  StoredStep,
  StoredSub,
  StoredUndo,
  StoredValue,
} from "./stored-chain.ts";
export {
  fromLiteral,
  hasDollarKey,
  isStoredLiteral,
  isStoredObject,
  isStoredOperation,
  isStoredReference,
  toLiteral,
} from "./stored-value.ts";
