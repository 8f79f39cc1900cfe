/** Where in an authored file something was written; lines and columns count from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/**
 * One finding about configuration. Findings are collected, never thrown one at a time, so that a
 * user sees all of them at once.
 */
export interface Issue {
  /** JSON pointer into the document (`/upstream/nodes/0/port`); empty for the document itself. */
  readonly path: string;
  /** Stable, greppable: `SCHEMA_TYPE`, `REFERENCE_MISSING`, … */
  readonly code: string;
  /** What is wrong, in one sentence without a trailing period. */
  readonly message: string;
  /** What would have been accepted. */
  readonly expected?: string;
  /** What was there, shortened; never a secret. */
  readonly found?: string;
  /** What to do about it. */
  readonly hint?: string;
  /** The resource the document is, as `routes/checkout`. */
  readonly resource?: string;
  readonly source?: SourcePosition;
}

/** A result together with everything found on the way; `value` is absent when an issue prevents it. */
export interface Checked<T> {
  readonly value?: T;
  readonly issues: readonly Issue[];
}

/**
 * Words an issue for a terminal or a log line:
 * `configs/a.ts:3:7 routes/checkout /uri: expected string, found number (…hint)`.
 */
export function formatIssue(issue: Issue): string {
  const { source } = issue;
  const place = source ? `${source.file}:${source.line}:${source.column} ` : "";
  const resource = issue.resource ? `${issue.resource} ` : "";
  const path = issue.path === "" ? "" : `${issue.path}: `;
  const expectation =
    issue.expected === undefined
      ? ""
      : `; expected ${issue.expected}${issue.found === undefined ? "" : `, found ${issue.found}`}`;
  const hint = issue.hint ? ` (${issue.hint})` : "";
  return `${place}${resource}${path}${issue.message}${expectation}${hint}`;
}

/** Escapes one key for use in a JSON pointer (RFC 6901 §3). */
export function pointerSegment(key: string | number): string {
  return String(key).replaceAll("~", "~0").replaceAll("/", "~1");
}
