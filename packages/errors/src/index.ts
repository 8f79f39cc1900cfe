export {
  defineErrors,
  type ErrorConstructors,
  type ErrorDefinition,
  type ErrorSource,
  GatewayError,
  isGatewayError,
} from "./gateway-error.ts";
export {
  type Checked,
  formatIssue,
  type Issue,
  pointerSegment,
  type SourcePosition,
} from "./issue.ts";
