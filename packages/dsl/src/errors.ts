import { defineErrors, type Issue, isGatewayError, type SourcePosition } from "@catena/errors";

/** What is refused while a config is evaluated; inside a step's callback it becomes an issue. */
export const dslErrors = defineErrors({
  DSL_REFERENCE_USED: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: {
      use: string;
      reference: string;
      hint: string;
      source: SourcePosition | undefined;
    }) => `${p.use} of ${p.reference}, which has no value yet: ${p.hint}`,
  },
  DSL_REFERENCE_NAME: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { name: string; hint: string; source: SourcePosition | undefined }) =>
      `"${p.name}" cannot be reached like that: ${p.hint}`,
  },
  DSL_VALUE: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { found: string; hint: string; source: SourcePosition | undefined }) =>
      `${p.found} cannot be stored as JSON: ${p.hint}`,
  },
  DSL_ARGUMENT: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { what: string; hint: string; source: SourcePosition | undefined }) =>
      `${p.what}: ${p.hint}`,
  },
});

/** Codes of findings that are only ever issues. */
export type DslIssueCode =
  | "DSL_EXPORT"
  | "DSL_UNFINISHED"
  | "DSL_NO_ID"
  | "DSL_DUPLICATE_ID"
  | "DSL_SAME_MATCH"
  | "DSL_LINK"
  | "DSL_VALUE"
  | "DSL_CHAIN"
  | "DSL_TARGET";

/** Makes an issue; what is `undefined` is left out. */
export function dslIssue(
  code: DslIssueCode,
  message: string,
  rest: {
    readonly path?: string;
    readonly expected?: string;
    readonly found?: string;
    readonly hint?: string;
    readonly resource?: string;
    readonly source?: SourcePosition | undefined;
  } = {},
): Issue {
  const { path = "", source, ...more } = rest;
  return { path, code, message, ...more, ...(source === undefined ? {} : { source }) };
}

/**
 * The issue an error of this package stands for.
 *
 * @param fallback where to say it is when the error does not know.
 * @returns `null` for any other error, which is the config's own and must go on.
 */
export function toIssue(
  error: unknown,
  path: string,
  fallback: SourcePosition | undefined,
): Issue | null {
  if (!isGatewayError(error) || !error.code.startsWith("DSL_")) return null;
  const own = error.details["source"];
  const source = isPosition(own) ? own : fallback;
  return {
    path,
    code: error.code,
    message: error.message,
    ...(source === undefined ? {} : { source }),
  };
}

function isPosition(value: unknown): value is SourcePosition {
  return typeof value === "object" && value !== null && "file" in value && "line" in value;
}
