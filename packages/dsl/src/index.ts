// Chains
export type { Action } from "./actions/action.ts";
export type { Answer, HeaderValues } from "./actions/answer.ts";
export { type CallRequest, call, type HttpRequest, http } from "./actions/call.ts";
export { type Branch, choose, when } from "./actions/choose.ts";
export { type EachPolicy, each } from "./actions/each.ts";
export type {
  CachePolicy,
  CallPolicy,
  ErrorAction,
  ItemPolicy,
  OrderPolicy,
  RetryPolicy,
  StatusAction,
  StepPolicy,
} from "./actions/policies.ts";
export { type SubPolicy, sub } from "./actions/sub.ts";
export { exit, type ValuePolicy, value } from "./actions/value.ts";
export { Chain, chain, type ForwardHead, type ReplyHead } from "./chain/chain.ts";
export type { ChainLimits, ChainOptions, InputSchemas } from "./chain/chain-options.ts";
export type { ChainRoute } from "./chain/chain-route.ts";
export type { ClassicCall } from "./chain/classic-call.ts";
export { merged } from "./chain/scope.ts";
// Compiling
export { type CompiledResource, type CompileOptions, compile } from "./compile/compile.ts";
export { checkSameMatch } from "./compile/same-match.ts";
export type { Declaration, Target } from "./declaration.ts";
export {
  decompile,
  decompileFiles,
  type FileLayout,
  type StoredResource,
} from "./decompile/decompile.ts";
export { LeftOut } from "./decompile/left-out.ts";
export { type Config, defineConfig, type Group } from "./define-config.ts";
export { fromEnvironment } from "./environment.ts";
export { dslErrors } from "./errors.ts";
// Helpers
export { concat, first, last, length } from "./helpers/arrays.ts";
export { at, stored } from "./helpers/at.ts";
export { eq, exists, ge, gt, has, isIn, le, lt, matches, ne } from "./helpers/compare.ts";
export { addSeconds, formatDate, now, parseDate, uuid } from "./helpers/dates.ts";
export { and, any, coalesce, type Holds, ifElse, not, or } from "./helpers/logic.ts";
export {
  add,
  divide,
  max,
  min,
  modulo,
  multiply,
  number,
  round,
  subtract,
} from "./helpers/numbers.ts";
export { keys, type MergeMode, merge, object, omit, pick } from "./helpers/objects.ts";
export { header, headers, jsonata, status } from "./helpers/responses.ts";
export {
  endsWith,
  join,
  json,
  lower,
  replace,
  split,
  startsWith,
  string,
  substring,
  tpl,
  trim,
  upper,
} from "./helpers/text.ts";
// Resources
export {
  type AuthoredPlugins,
  consumer,
  consumerGroup,
  credential,
  type Fields,
  globalRule,
  type Link,
  pluginConfig,
  pluginMetadata,
  proto,
  route,
  secret,
  ssl,
  streamRoute,
  upstream,
} from "./resources.ts";
export type { Condition, In, Maybe, Ref, Refers } from "./scope-types.ts";
export {
  type CallMethod,
  type CallTarget,
  type Operation,
  type OperationSpec,
  op,
  service,
} from "./service.ts";
