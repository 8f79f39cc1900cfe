export {
  type AddressMatcher,
  compileAddresses,
  isAddress,
  plainAddress,
} from "./addresses.ts";
export { bodyVariables } from "./body-variables.ts";
export { findCookie, withoutCookie } from "./cookies.ts";
export { checkExpression, compileExpression, type Predicate } from "./expression.ts";
export { toNumber } from "./lua-number.ts";
export { compilePattern, type Pattern, type PatternMatch, type PatternOptions } from "./pattern.ts";
export { decodeComponent, findArgument, withoutArgument } from "./query-arguments.ts";
export type { ConsumerView, ReplyView, RequestView, TlsView } from "./request-view.ts";
export {
  compileTemplate,
  type Escape,
  interpolate,
  type Template,
  type TemplateOptions,
} from "./template.ts";
export {
  compileVariable,
  type FurtherVariables,
  type Variable,
  type VariableValue,
} from "./variables.ts";
